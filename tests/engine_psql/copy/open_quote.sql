CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from 'data/open_quote.csv' csv header
