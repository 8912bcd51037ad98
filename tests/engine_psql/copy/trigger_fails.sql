CREATE TABLE t(a int PRIMARY KEY, b text);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin if new.a = 2 then raise exception ''not %'', new.a; end if; return new; end';
CREATE TRIGGER i BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
\copy t from data/plain.txt
