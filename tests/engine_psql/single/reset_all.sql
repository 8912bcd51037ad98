SET search_path = pg_catalog;
RESET ALL;
CREATE TABLE t(a int);
