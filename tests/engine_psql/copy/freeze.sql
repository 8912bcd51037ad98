CREATE TABLE t(a int PRIMARY KEY, b text);
TRUNCATE t;
\copy t from data/plain.txt (freeze)
