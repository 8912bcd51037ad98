CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from 'data/plain.txt'
INSERT INTO t VALUES (10, 'behind');
