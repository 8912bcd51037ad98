CREATE TABLE t(a int PRIMARY KEY, b text);
INSERT INTO t VALUES (1, 'x');
\copy t to stdout
\copy (select a from t where b = ')') to pstdout csv
INSERT INTO t VALUES (2);
