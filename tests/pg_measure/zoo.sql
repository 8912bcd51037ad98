-- One of every kind of object, and names that hurt. Loaded by the tests of what is measured.
-- Roles are the server's: made when they aren't there.
DO $$ DECLARE r text; BEGIN
  FOREACH r IN ARRAY ARRAY['zoo_owner', 'zoo_app', 'zoo reader'] LOOP
    IF to_regrole(quote_ident(r)) IS NULL THEN EXECUTE format('CREATE ROLE %I', r); END IF;
  END LOOP;
END $$;

CREATE EXTENSION hstore;
CREATE SCHEMA app AUTHORIZATION zoo_owner;
CREATE SCHEMA "Odd Schema";
COMMENT ON SCHEMA app IS 'the application';

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok';
CREATE TYPE app.point3 AS (x int, y int, label text COLLATE "C");
CREATE DOMAIN email AS text DEFAULT 'nobody@example.org' NOT NULL CONSTRAINT has_at CHECK (VALUE ~ '@');
CREATE TYPE app.span AS RANGE (subtype = float8, subtype_diff = float8mi);

CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'touched'; RETURN NEW; END $$;
CREATE FUNCTION app.pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION add_up(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION add_up(a text) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT a || '!'; END;
CREATE FUNCTION moods(m mood[], p app.point3) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE app.do_it(n int) LANGUAGE plpgsql SECURITY DEFINER SET search_path = app AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION "Odd Schema"."weird.fn"("Arg One" int) RETURNS SETOF int LANGUAGE sql AS 'SELECT generate_series(1, $1)';

CREATE TABLE app.parent (
  id bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5) PRIMARY KEY,
  code text COLLATE "C" NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
  mood mood DEFAULT 'ok',
  price numeric(12, 2) CHECK (price >= 0),
  doubled numeric GENERATED ALWAYS AS (price * 2) STORED,
  note text,
  span app.span,
  tags hstore,
  mail email
);
ALTER TABLE app.parent OWNER TO zoo_owner;
CREATE TABLE app.child (
  id serial PRIMARY KEY,
  parent_id bigint REFERENCES app.parent ON DELETE CASCADE,
  a int, b int, gone int, at timestamptz DEFAULT '2024-02-06 09:00+01'
) WITH (fillfactor = 80, toast.autovacuum_enabled = false);
ALTER TABLE app.child DROP COLUMN gone;
ALTER TABLE app.child ADD CONSTRAINT a_small CHECK (a < 1000) NOT VALID;
ALTER TABLE app.child ALTER COLUMN b SET STORAGE PLAIN, ALTER COLUMN a SET (n_distinct = 5);
CREATE TABLE "Odd Schema"."Table with ""quotes"" and spaces" (
  "ID" int PRIMARY KEY, "from" text, "with.dot" text, "ünïcode ☃" text, "new
line" text
);
CREATE TABLE plain (id int PRIMARY KEY, body text);
CREATE TABLE "Orders" (id int);
CREATE TABLE orders (id int, "Amount" int);
CREATE UNLOGGED TABLE fast (id int, CONSTRAINT no_overlap EXCLUDE USING gist (int4range(id, id + 1) WITH &&));
CREATE TABLE measure (at date NOT NULL, v int) PARTITION BY RANGE (at);
CREATE TABLE measure_2024 PARTITION OF measure FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE measure_2025 PARTITION OF measure (CONSTRAINT v_pos CHECK (v > 0)) FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measure_rest PARTITION OF measure DEFAULT;
CREATE INDEX measure_v ON measure (v);
CREATE TABLE base (id int, x text DEFAULT 'base');
CREATE TABLE derived (y int) INHERITS (base);
CREATE TABLE typed OF app.point3 (PRIMARY KEY (x));
CREATE TABLE of_no_columns ();

CREATE INDEX child_ab ON app.child (a, b DESC NULLS LAST) INCLUDE (at) WHERE b > 0;
CREATE INDEX "Odd Index" ON app.parent (lower(code) text_pattern_ops);
ALTER TABLE app.child CLUSTER ON child_pkey;
ALTER TABLE plain REPLICA IDENTITY FULL;
CREATE STATISTICS app.child_stats (dependencies, ndistinct) ON a, b FROM app.child;

CREATE VIEW app.cheap WITH (security_barrier = true) AS SELECT id, code, price FROM app.parent WHERE price < 10 WITH LOCAL CHECK OPTION;
ALTER VIEW app.cheap ALTER COLUMN price SET DEFAULT 1;
CREATE MATERIALIZED VIEW app.totals AS SELECT mood, sum(price) AS total FROM app.parent GROUP BY mood WITH NO DATA;
CREATE UNIQUE INDEX totals_mood ON app.totals (mood);
CREATE RULE no_delete AS ON DELETE TO plain DO INSTEAD NOTHING;
CREATE SEQUENCE app.counter AS smallint INCREMENT 3 MINVALUE 3 MAXVALUE 300 CACHE 7 CYCLE;

CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON app.parent FOR EACH ROW WHEN (NEW.note IS NULL) EXECUTE FUNCTION app.touch();
CREATE TRIGGER "off Duty" BEFORE UPDATE ON app.parent FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.parent DISABLE TRIGGER "off Duty";
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.parent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER per_partition BEFORE INSERT ON measure FOR EACH ROW EXECUTE FUNCTION app.pass();
CREATE FUNCTION app.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE EVENT TRIGGER zoo_ddl ON ddl_command_end WHEN TAG IN ('CREATE VIEW', 'ALTER VIEW') EXECUTE FUNCTION app.on_ddl();

ALTER TABLE app.parent ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.child ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY see_own ON app.parent FOR SELECT TO zoo_app, "zoo reader" USING (mail = current_user);
CREATE POLICY "never ever" ON app.child AS RESTRICTIVE USING (false) WITH CHECK (a > 0);

CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = OPERATOR(app.===), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES);
CREATE OPERATOR CLASS app.int_ops FOR TYPE int USING hash AS OPERATOR 1 app.===(int, int), FUNCTION 1 hashint4(int);
CREATE CAST (app.point3 AS text) WITH INOUT AS ASSIGNMENT;
CREATE COLLATION app.simple (provider = libc, locale = 'C');
CREATE CONVERSION app.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH DICTIONARY app.dict (TEMPLATE = simple, STOPWORDS = 'english');
CREATE TEXT SEARCH CONFIGURATION app.conf (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION app.conf ALTER MAPPING FOR asciiword WITH app.dict, simple;

CREATE FOREIGN DATA WRAPPER nowhere OPTIONS (debug 'true');
CREATE SERVER far TYPE 'test' VERSION '1' FOREIGN DATA WRAPPER nowhere OPTIONS (host 'example.org');
CREATE USER MAPPING FOR zoo_app SERVER far OPTIONS (remote_user 'app', password 'hunter2');
CREATE FOREIGN TABLE app.remote (id int OPTIONS (name 'ID'), v text) SERVER far OPTIONS (path '/x');

SELECT current_setting('server_version_num')::int >= 150000 AS since15 \gset
\if :since15
CREATE PUBLICATION some_pub FOR TABLE plain (id, body) WHERE (id > 5), TABLE app.child WITH (publish = 'insert, update');
CREATE PUBLICATION whole FOR TABLES IN SCHEMA app;
\else
CREATE PUBLICATION some_pub FOR TABLE plain, app.child WITH (publish = 'insert, update');
CREATE PUBLICATION whole;
\endif
CREATE SUBSCRIPTION zoo_sub CONNECTION 'host=/nowhere password=hunter2' PUBLICATION some_pub, whole WITH (connect = false, slot_name = NONE);

GRANT USAGE ON SCHEMA app TO zoo_app;
GRANT SELECT, INSERT ON app.parent TO zoo_app WITH GRANT OPTION;
SET SESSION AUTHORIZATION zoo_app;
GRANT SELECT ON app.parent TO "zoo reader";
RESET SESSION AUTHORIZATION;
GRANT UPDATE (a, b) ON app.child TO zoo_app;
GRANT USAGE ON SEQUENCE app.counter TO zoo_app;
REVOKE EXECUTE ON FUNCTION add_up(int, int) FROM PUBLIC;
GRANT USAGE ON TYPE mood TO zoo_app;
REVOKE USAGE ON TYPE app.point3 FROM PUBLIC;
GRANT SELECT ON plain TO zoo_app;
REVOKE SELECT ON plain FROM zoo_app;
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner IN SCHEMA app GRANT SELECT ON TABLES TO "zoo reader";
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

COMMENT ON TABLE app.parent IS 'those who come first';
COMMENT ON COLUMN app.parent.code IS 'it''s unique';
COMMENT ON FUNCTION add_up(int, int) IS 'sum';
COMMENT ON INDEX "app"."Odd Index" IS 'odd';
COMMENT ON CONSTRAINT a_small ON app.child IS 'small';
COMMENT ON TRIGGER touch ON app.parent IS 'touches';
COMMENT ON POLICY "never ever" ON app.child IS 'never';
COMMENT ON TYPE mood IS 'feelings';
COMMENT ON EXTENSION hstore IS 'ours';

INSERT INTO app.parent (code, price, mail) SELECT 'p' || n, n, 'p@x' FROM generate_series(1, 20) n;
INSERT INTO app.child (parent_id, a, b) SELECT 10 + 5 * (n % 20), n, n FROM generate_series(1, 60) n;
INSERT INTO "Odd Schema"."Table with ""quotes"" and spaces" SELECT n, 'x', 'y', 'z', NULL FROM generate_series(1, 7) n;
INSERT INTO plain SELECT n, 'body ' || n FROM generate_series(1, 100) n;
INSERT INTO measure SELECT date '2024-06-01' + n, n + 1 FROM generate_series(0, 400) n;
