CREATE TABLE t(a text);
COPY t FROM STDIN;
größe ✓
日本
\.
SELECT count(*) FROM t;
