CREATE TABLE t(a int PRIMARY KEY, b text);
\set file data/plain.txt
CREATE TABLE ":file"(a int, b text);
\copy ":file" from data/plain.txt
