CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from stdin
1	one
x	two
\.
SELECT 1;
