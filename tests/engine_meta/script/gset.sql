CREATE TABLE t (id int, note text);
BEGIN;
INSERT INTO t VALUES (1);
SELECT count(*) AS n FROM t \gset
INSERT INTO t VALUES (:'n'::int + 1, :'ROW_COUNT');
SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(10, 13) AS i \gexec
COMMIT;
SELECT 'BEGIN', 'INSERT INTO t VALUES (20)', 'COMMIT' \gexec
INSERT INTO t VALUES (30, :'n');
BEGIN \g
INSERT INTO t VALUES (31) \g
COMMIT \g
