CREATE TABLE t (id int, note text);
SELECT 5 AS n \gset
INSERT INTO t VALUES (:'n');
INSERT INTO t VALUES (:ROW_COUNT, 'one');
SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(1, 3) AS i \gexec
CREATE INDEX ON t (id);
SELECT format('CREATE INDEX CONCURRENTLY i%s ON t (id)', i) FROM generate_series(1, 2) AS i \gexec
\if :ERROR
\else
VACUUM t;
\endif
INSERT INTO t VALUES (9) RETURNING id AS r \gset
INSERT INTO t VALUES (:'r'::int + 1) \g
SELECT * FROM t \gdesc
DECLARE c CURSOR WITH HOLD FOR SELECT 77 AS f;
FETCH c \gset
INSERT INTO t VALUES (:'f');
