CREATE TABLE t(a int PRIMARY KEY, b text);
INSERT INTO t VALUES (99, 'before');
\copy t from data/bad_number.txt
INSERT INTO t VALUES (100, 'behind');
