CREATE TABLE t(a text);
COPY t FROM STDIN;
 \\.
\\.
.
x\\.
\.
SELECT count(*) FROM t;
