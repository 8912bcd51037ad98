CREATE TABLE backend(legend int, weekend int, end_ int);
CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC SELECT legend FROM backend; SELECT count(weekend) FROM backend; END;
SELECT legend FROM backend;
