SELECT generate_series(1, 200000), repeat('x', 50);
CREATE TABLE t AS SELECT 1 AS a;
SELECT repeat('y', 20000000);
COPY (SELECT generate_series(1, 100000)) TO STDOUT;
CREATE TABLE u AS SELECT 1 AS a;
