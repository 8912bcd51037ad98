CREATE TABLE t(a int, b text);
COPY t FROM STDIN;
1	one; two
2	\echo 'x
3	-- $$ \\. 
\.
SELECT count(*) FROM t;
