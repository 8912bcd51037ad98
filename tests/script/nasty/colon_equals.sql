\set x 5
CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT $1'; SELECT f(x := 1), f(x:=:x), f(x=>2);
