\restrict abc123
SELECT 1;
CREATE TABLE t(a text);
COPY t FROM stdin;
\\restrict
\.
\unrestrict abc123
\echo free
SELECT 2;
