CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t to '../outside_too.txt'
