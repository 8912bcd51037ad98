CREATE TABLE t (id int PRIMARY KEY);
SELECT 'INSERT INTO t VALUES (' || i % 3 || ')' FROM generate_series(1, 5) AS i
\gexec
INSERT INTO t VALUES (9);
