CREATE TABLE t (a int);
\ir ../parts/quits.psql
INSERT INTO t VALUES (3);
