CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t (a, b) from 'data/it''s here.txt' with (delimiter ';')
