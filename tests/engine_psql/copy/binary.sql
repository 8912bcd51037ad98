CREATE TABLE t(a int PRIMARY KEY, b text);
\copy t from data/binary.dat (format binary)
TRUNCATE t;
\copy binary t from data/binary.dat
