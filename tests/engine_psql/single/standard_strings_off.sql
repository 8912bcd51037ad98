SET escape_string_warning = off;
CREATE TABLE t(a text);
SET standard_conforming_strings = off;
INSERT INTO t VALUES ('it\'s; one'); INSERT INTO t VALUES ('back\\slash');
SET standard_conforming_strings TO on;
INSERT INTO t VALUES ('plain\'); INSERT INTO t VALUES ('x');
SELECT set_config('standard_conforming_strings', 'off', false);
INSERT INTO t VALUES ('line\n'), ('\\');
