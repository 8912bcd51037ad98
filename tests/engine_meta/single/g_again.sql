CREATE TABLE t (id serial, note text);
INSERT INTO t (note) VALUES ('once more')
\g
\g
INSERT INTO t (note) VALUES ('semicolon');
\g
SELECT 1 \gx
\r
INSERT INTO t (note) VALUES ('after reset') \g (expanded=on)
SELECT 'INSERT INTO t (note) VALUES (''made'')'
\g
\gexec
\gexec
\p
SELECT 'a' AS v
\p
\gset
INSERT INTO t (note) VALUES (:'v');
\o /dev/null
SELECT 1;
\o
\g
