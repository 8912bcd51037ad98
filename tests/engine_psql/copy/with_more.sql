CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from data/plain.txt ; insert into t values (77, 'more')
