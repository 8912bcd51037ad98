SELECT 1;
CREATE TABLE t(a int);
\copy t to '/dev/null'
SELECT 2;
