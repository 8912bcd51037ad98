CREATE TABLE t(a text);
COPY t FROM STDIN;
one
two
\.
SELECT count(*) FROM t;
