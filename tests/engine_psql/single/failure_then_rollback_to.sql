-- In the window of many statements the failure must not be undone by what stands behind it.
CREATE TABLE t(a int PRIMARY KEY);
SAVEPOINT a;
INSERT INTO t VALUES (1);
INSERT INTO t VALUES (2);
INSERT INTO t VALUES
  (3),
  (1);
INSERT INTO t VALUES (4);
ROLLBACK TO a;
INSERT INTO t VALUES (5);
