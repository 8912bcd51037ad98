CREATE TABLE t(a int);
\if false
COPY t FROM STDIN;
\endif
SELECT 1;
