CREATE TABLE t(a int PRIMARY KEY, b text);
\copy public.t from data/crlf.txt
