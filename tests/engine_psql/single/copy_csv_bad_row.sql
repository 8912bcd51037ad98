CREATE TABLE t(a int, b text);
COPY t FROM STDIN WITH (FORMAT csv, HEADER);
a,b
1,"two
lines"
2,"quoted ""x"""
x,3
4,four
\.
INSERT INTO t VALUES (5);
