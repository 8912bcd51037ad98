SET client_min_messages = warning;

BEGIN;
CREATE SCHEMA depot;
CREATE TABLE depot.trail (what text NOT NULL);
CREATE TABLE depot.counter (n int NOT NULL);
INSERT INTO depot.counter VALUES (1);
COMMIT;

-- On its own, between two blocks.
UPDATE depot.counter SET n = n + 10;

START TRANSACTION;
COPY depot.trail (what) FROM stdin;
one
two
three
\.
UPDATE depot.counter SET n = n + 100;
CREATE INDEX trail_what ON depot.trail (what);
END;

SET search_path = depot;

BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO trail SELECT what || ' again' FROM trail;
SAVEPOINT a;
DELETE FROM trail;
ROLLBACK TO a;
UPDATE counter SET n = n + 1000;
COMMIT WORK;

COPY trail (what) FROM stdin;
four
\.
