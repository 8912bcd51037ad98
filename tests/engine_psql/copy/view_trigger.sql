CREATE TABLE t(a int PRIMARY KEY, b text);
CREATE VIEW v AS SELECT * FROM t;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin insert into t values (new.a, new.b); return new; end';
CREATE TRIGGER i INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION f();
\copy v from data/plain.txt
