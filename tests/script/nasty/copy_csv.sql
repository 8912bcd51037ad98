CREATE TABLE t(a int, b text);
COPY t FROM STDIN WITH (FORMAT csv, HEADER);
a,b
1,"x;
y"
2,'
\.
SELECT count(*) FROM t;
