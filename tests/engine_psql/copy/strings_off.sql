CREATE TABLE t(a int PRIMARY KEY, b text);
SET standard_conforming_strings = off;
\copy (select '\')') to stdout
\copy t from data/plain.txt
