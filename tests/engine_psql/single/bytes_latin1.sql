SET client_encoding = 'LATIN1';
CREATE TABLE t(a text);
INSERT INTO t VALUES ('é ☃');
COPY t FROM STDIN;
ü
\.
