CREATE TABLE t(a int, b text);
INSERT INTO t VALUES (0, 'z');
COPY t (a, b) FROM stdin;
1	a
2
3	c
\.
COPY t FROM stdin;
4	d
\.
