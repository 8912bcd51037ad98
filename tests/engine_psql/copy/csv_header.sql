CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from 'data/header.csv' with (format csv, header)
\copy t (b, a) from 'data/empty.txt' csv
