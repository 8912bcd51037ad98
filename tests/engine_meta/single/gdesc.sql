CREATE TABLE t (id int, note varchar(10), "odd'name" numeric(8,2)[]);
SELECT * FROM t \gdesc
INSERT INTO t VALUES (1) \gdesc
SELECT * FROM t
\gdesc
\g
SELECT 1 AS n \gdesc
\gset
INSERT INTO t VALUES (:'n');
