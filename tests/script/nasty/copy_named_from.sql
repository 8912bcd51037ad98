CREATE TABLE "from stdin"(a int);
COPY "from stdin" FROM STDIN;
1
\.
SELECT 1;
