CREATE TABLE t(a int PRIMARY KEY, b text);
CREATE TABLE u(a int);
\copy (insert into t values (1, 'x'), (2, 'it''s (') returning a) to stdout
