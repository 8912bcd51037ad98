CREATE TABLE t(a int PRIMARY KEY, b text);
INSERT INTO t
\copy t from data/plain.txt
VALUES (7, 'seven');
