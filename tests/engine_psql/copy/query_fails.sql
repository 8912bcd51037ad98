CREATE TABLE t(a int PRIMARY KEY, b text);
\copy (select 1 / 0) to stdout
