CREATE TABLE t(a text);
COPY t FROM STDIN;


  
\.

SELECT count(*) FROM t;
