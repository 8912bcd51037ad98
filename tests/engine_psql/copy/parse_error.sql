CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t into 'data/plain.txt'
