CREATE TABLE t(a int);
\ir inc/copy.sql
SELECT 3;
