CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from data/no_newline.txt
SELECT 'goes on';
