CREATE TABLE t(a int CHECK (a < 3));
COPY t FROM stdin;
1
2
3
\.

SELECT 1;
