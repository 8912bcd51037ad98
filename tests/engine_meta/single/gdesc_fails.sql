CREATE TABLE t (id int);
SELECT id,
  nothing FROM t \gdesc
