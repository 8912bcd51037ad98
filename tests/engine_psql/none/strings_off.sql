SET standard_conforming_strings = off;
SET escape_string_warning = off;
CREATE TABLE t AS SELECT 'it\'s;'::text AS a; CREATE TABLE u(a int);
