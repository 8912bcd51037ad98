CREATE TABLE t (
  a int, -- one ;

  b text DEFAULT ';'
);
INSERT INTO t VALUES (1, ';'),
(2, ');');
