CREATE TABLE t(a int PRIMARY KEY, b text);
CREATE TABLE x(b text);
\i data/load.sql
\ir data/load.sql
