\set p ex
CREATE TABLE :p_t(a int);
