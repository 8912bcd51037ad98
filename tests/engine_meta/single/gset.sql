CREATE TABLE t (id int, note text);
INSERT INTO t VALUES (1, 'it''s'), (2, NULL);
SELECT count(*) AS n, 'a\b' AS odd_name FROM t WHERE id = 1
\gset
SELECT max(id) AS n, min(note) AS note, NULL AS gone FROM t \gset p_
SELECT id AS a, id + 1 AS b FROM t WHERE id = 1 \gset \\ INSERT INTO t VALUES (:'a', 'same line');
INSERT INTO t VALUES (:'p_n'::int + 10, :'p_note');
INSERT INTO t VALUES (20, ':p_gone');
INSERT INTO t VALUES (21, :{?p_gone}), (22, :{?p_n});
SELECT 't' AS yes, 'f' AS no \gset
\if :yes
INSERT INTO t VALUES (30, 'yes');
\elif :no
INSERT INTO t VALUES (31, 'no');
\else
INSERT INTO t VALUES (32, 'else');
\endif
\if :no
INSERT INTO t VALUES (33, 'no');
\elif :yes
INSERT INTO t VALUES (34, 'elif');
\endif
CREATE TABLE :"p_note" (a int);
UPDATE t SET id = 40 WHERE id = 30 RETURNING id AS updated \gset
INSERT INTO t VALUES (:'updated', 'returned');
INSERT INTO t VALUES (50) \gset
SELECT 1 AS first \; SELECT 2 AS first \gset
INSERT INTO t VALUES (:'first', 'the last result');
SELECT 'x' AS "AUTOCOMMIT", 'y' AS other \gset
INSERT INTO t VALUES (60, :'other');
