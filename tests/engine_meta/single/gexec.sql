CREATE TABLE t (id int, note text);
SELECT format('CREATE TABLE g%s (a int)', i), format('COMMENT ON TABLE g%s IS %L', i, 'it''s ' || i)
  FROM generate_series(1, 3) AS i \gexec
SELECT 'INSERT INTO t VALUES (1, ''none'')' WHERE false \gexec
SELECT NULL, 'INSERT INTO t VALUES (2, '':given'')', NULL \gexec
SELECT 'INSERT INTO t VALUES (3); INSERT INTO t VALUES (4)' \gexec
INSERT INTO t VALUES (:ROW_COUNT, 'rows of the query');
SELECT 'SELECT * FROM t', '', ' ', '-- nothing' \gexec
SELECT 'SET work_mem = ''5MB''' \gexec
CREATE TABLE seen AS SELECT current_setting('work_mem') AS mem;
SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(100, 400) AS i
\gexec
INSERT INTO t VALUES (5) RETURNING 'INSERT INTO t VALUES (6)' \gexec
INSERT INTO t VALUES (7) \gexec
