CREATE TABLE t(a int PRIMARY KEY, b text);
\if false
\copy t from 'missing.txt
\else
\copy t from 'data/plain.txt'
\endif
