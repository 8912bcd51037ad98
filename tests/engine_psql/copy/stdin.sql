CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from stdin
1	one
2	two
\.
\copy t from stdin csv
3,three
\.
INSERT INTO t VALUES (4);
