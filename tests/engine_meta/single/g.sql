CREATE TABLE t (id serial, note text);
INSERT INTO t (note) VALUES ('once more')
\g
\g
INSERT INTO t (note) VALUES ('semicolon');
\g
SELECT 1 \gx
INSERT INTO t (note)
\g /dev/null
\r
INSERT INTO t (note) VALUES ('after reset') \g
SELECT 'INSERT INTO t (note) VALUES (''made'')'
\g
\gexec
\gexec
INSERT INTO t (note) VALUES ('one \; line') \; INSERT INTO t (note) VALUES ('two');
SELECT (1
\g
INSERT INTO t (note) VALUES ('not reached');
