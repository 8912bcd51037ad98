CREATE TABLE t (a int);
SELECT count(*) = 0 AS empty FROM t \gset
\if :empty
INSERT INTO t VALUES (1)
\q
\endif
INSERT INTO t VALUES (2);
nonsense
