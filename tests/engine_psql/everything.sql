-- A database with as many kinds of objects as PostgreSQL 15 has. Its dump is what the test runs.

CREATE SCHEMA app AUTHORIZATION app_owner;
CREATE SCHEMA "Odd ""schema"" name";
CREATE EXTENSION citext SCHEMA app;
COMMENT ON SCHEMA app IS 'It''s the app; with a semicolon, a \backslash and a $$';

-- Types
CREATE TYPE app.mood AS ENUM ('sad', 'it''s ok', 'h''äppy; ☃', 'back\slash');
CREATE TYPE app.pair AS (a integer, "B b" text COLLATE "C");
CREATE TYPE app.floatrange AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = app.floatmulti);
CREATE DOMAIN app.positive AS integer DEFAULT 1 NOT NULL CONSTRAINT over_zero CHECK (VALUE > 0);
CREATE DOMAIN app.code AS text CHECK (VALUE ~ '^[A-Z]\d+$');
COMMENT ON TYPE app.mood IS E'Tab\there, newline\nthere';
COMMENT ON CONSTRAINT over_zero ON DOMAIN app.positive IS 'on a domain';
CREATE TYPE app.shell;
CREATE FUNCTION app.shell_in(cstring) RETURNS app.shell LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION app.shell_out(app.shell) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE app.shell (INPUT = app.shell_in, OUTPUT = app.shell_out, LIKE = integer);

-- Collations, conversions
CREATE COLLATION app.plain (provider = libc, locale = 'C');
CREATE CONVERSION app.utf8_to_latin1 FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;

-- Sequences
CREATE SEQUENCE app.odd AS smallint INCREMENT BY -3 MINVALUE -300 MAXVALUE 300 START WITH 7 CYCLE CACHE 5;
SELECT setval('app.odd', -42, true);
CREATE SEQUENCE app.untouched;

-- Functions
CREATE FUNCTION app.atomic(n integer) RETURNS integer LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
  SELECT CASE WHEN n > 0 THEN n ELSE 0 END;
END;
CREATE FUNCTION app.returns(n integer) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE COST 7 RETURN n + 1;
CREATE FUNCTION app.quoted(text, VARIADIC more text[] DEFAULT ARRAY['a;b', 'c''d']) RETURNS text LANGUAGE plpgsql
SECURITY DEFINER SET search_path = app, pg_temp SET work_mem = '8MB' AS $body$
DECLARE x text := $q$ nested ; $$ $q$;
BEGIN
  -- a comment; with 'quotes
  RETURN $1 || x || '\.' || array_to_string(more, ';');
END;
$body$;
CREATE FUNCTION app.rows(OUT a integer, OUT b text) RETURNS SETOF record LANGUAGE sql ROWS 3 AS 'SELECT 1, ''x;''::text';
CREATE FUNCTION app.mood_to_int(app.mood) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT length($1::text)';
CREATE FUNCTION app.same(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 10 = $2 % 10';
CREATE FUNCTION app.state(bigint, integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 2 * coalesce($2, 0)';
CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := coalesce(NEW.note, 'stamped'); RETURN NEW; END $$;
CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE PROCEDURE app.work(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
CREATE PROCEDURE app.work_atomic(n integer) BEGIN ATOMIC SELECT n; SELECT n + 1; END;
CREATE AGGREGATE app.twice(integer) (SFUNC = app.state, STYPE = bigint, INITCOND = '0', PARALLEL = SAFE);
COMMENT ON FUNCTION app.atomic(integer) IS '\if true is no command here';

-- Operators, casts, classes
CREATE OPERATOR app.%% (LEFTARG = integer, RIGHTARG = integer, FUNCTION = app.same, COMMUTATOR = OPERATOR(app.%%));
CREATE OPERATOR FAMILY app.ints USING btree;
CREATE OPERATOR CLASS app.int_ops FOR TYPE integer USING btree FAMILY app.ints AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
CREATE CAST (app.mood AS integer) WITH FUNCTION app.mood_to_int(app.mood) AS ASSIGNMENT;
CREATE ACCESS METHOD heap_again TYPE TABLE HANDLER heap_tableam_handler;
CREATE FUNCTION app.plagain_call() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION app.plagain_inline(internal) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE TRUSTED LANGUAGE plagain HANDLER app.plagain_call INLINE app.plagain_inline;
CREATE TRANSFORM FOR integer LANGUAGE plagain (FROM SQL WITH FUNCTION prsd_lextype(internal));

-- Text search
CREATE TEXT SEARCH DICTIONARY app.simple_dict (TEMPLATE = pg_catalog.simple, StopWords = 'english', Accept = false);
CREATE TEXT SEARCH TEMPLATE app.template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH PARSER app.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH CONFIGURATION app.config (PARSER = pg_catalog."default");
ALTER TEXT SEARCH CONFIGURATION app.config ADD MAPPING FOR asciiword WITH app.simple_dict, english_stem;

-- Tables
CREATE TABLE app.main (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 10) PRIMARY KEY,
  code app.code UNIQUE DEFERRABLE INITIALLY DEFERRED,
  n app.positive,
  mood app.mood DEFAULT 'it''s ok',
  pair app.pair,
  span app.floatrange,
  spans app.floatmulti,
  note text COLLATE app.plain DEFAULT 'semi;colon',
  upper_note text GENERATED ALWAYS AS (upper(note)) STORED,
  doc jsonb,
  xml xml,
  bin bytea,
  bits bit varying(9),
  many text[][],
  at timestamptz,
  took interval,
  money numeric(30, 10),
  addr inet,
  vec tsvector,
  CONSTRAINT "odd ""name"" ; here" CHECK (note <> 'x;y' AND n < 1000000),
  EXCLUDE USING gist (span WITH &&) DEFERRABLE
) WITH (fillfactor = 70, autovacuum_enabled = false);
ALTER TABLE app.main ALTER COLUMN note SET STATISTICS 300, ALTER COLUMN note SET STORAGE EXTERNAL,
  ALTER COLUMN bin SET COMPRESSION pglz, REPLICA IDENTITY FULL;
COMMENT ON TABLE app.main IS 'main';
COMMENT ON COLUMN app.main.note IS E'\\. alone';
CREATE TABLE "Odd ""schema"" name"."Tab;le" ("Col'umn" serial, "select" integer REFERENCES app.main (id) ON DELETE SET NULL DEFERRABLE, "a	tab" text);
CREATE TABLE app.by_default (id integer GENERATED BY DEFAULT AS IDENTITY, main bigint);
ALTER TABLE app.by_default ADD CONSTRAINT not_yet FOREIGN KEY (main) REFERENCES app.main ON UPDATE CASCADE NOT VALID;
CREATE UNLOGGED TABLE app.fast (a integer, b integer) USING heap_again;
CREATE TABLE app.typed OF app.pair (PRIMARY KEY (a));
CREATE TABLE app.empty ();
CREATE TABLE app.parent (a integer NOT NULL, b text DEFAULT 'p');
CREATE TABLE app.child (c integer, CHECK (a > 0)) INHERITS (app.parent);
CREATE TABLE app.parted (a integer, b text, c date) PARTITION BY RANGE (a);
CREATE TABLE app.parted_low PARTITION OF app.parted FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE app.parted_high PARTITION OF app.parted (b DEFAULT 'high') FOR VALUES FROM (10) TO (100) PARTITION BY LIST (b);
CREATE TABLE app.parted_high_x PARTITION OF app.parted_high FOR VALUES IN ('x', 'high', NULL);
CREATE TABLE app.parted_rest PARTITION OF app.parted DEFAULT;
CREATE TABLE app.numbers (r real, d double precision, f double precision[], j json, b boolean, c "char", m money, u uuid, p point);
CREATE TABLE app.hashed (a integer) PARTITION BY HASH (a);
CREATE TABLE app.hashed_0 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.hashed_1 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);

-- Indexes, statistics, clustering
CREATE INDEX main_expr ON app.main USING btree (lower(note) text_pattern_ops DESC NULLS LAST, n) INCLUDE (at) WHERE note <> ';';
CREATE INDEX main_doc ON app.main USING gin (doc jsonb_path_ops);
CREATE INDEX parted_b ON app.parted (b);
CREATE UNIQUE INDEX typed_b ON app.typed ("B b");
ALTER TABLE app.typed CLUSTER ON typed_b;
ALTER INDEX app.main_expr ALTER COLUMN 1 SET STATISTICS 500;
CREATE STATISTICS app.main_stats (ndistinct, dependencies) ON n, note FROM app.main;
ALTER STATISTICS app.main_stats SET STATISTICS 50;

-- Views, rules, triggers
CREATE VIEW app.seen WITH (security_barrier, security_invoker) AS SELECT id, note FROM app.main WHERE note <> 'a;b' WITH LOCAL CHECK OPTION;
CREATE RECURSIVE VIEW app.counted (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 5;
CREATE VIEW app.two AS SELECT 1 AS a;
CREATE VIEW app.one AS SELECT a FROM app.two;
CREATE OR REPLACE VIEW app.two AS SELECT 1 AS a, 'x;''y' AS b;
CREATE MATERIALIZED VIEW app.kept AS SELECT mood, count(*) AS n FROM app.main GROUP BY mood;
CREATE UNIQUE INDEX kept_mood ON app.kept (mood);
CREATE MATERIALIZED VIEW app.unfilled AS SELECT 1 AS one WITH NO DATA;
CREATE RULE one_ins AS ON INSERT TO app.one DO INSTEAD (INSERT INTO app.fast VALUES (NEW.a, 1); INSERT INTO app.fast VALUES (NEW.a, 2));
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE OF note ON app.main FOR EACH ROW WHEN (NEW.note IS DISTINCT FROM ';') EXECUTE FUNCTION app.stamp('arg;ument', E'\\x');
CREATE TRIGGER off AFTER UPDATE ON app.main REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.stamp();
ALTER TABLE app.main DISABLE TRIGGER off;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON app.by_default DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.stamp();
ALTER TABLE app.by_default DISABLE TRIGGER late;
CREATE EVENT TRIGGER watcher ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION app.watch();
ALTER EVENT TRIGGER watcher ENABLE ALWAYS;

-- Rights
ALTER TABLE app.main ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON app.main AS RESTRICTIVE FOR SELECT TO reader USING (note <> 'secret;') ;
CREATE POLICY write_rows ON app.main FOR ALL TO PUBLIC USING (true) WITH CHECK (n > 0);
ALTER TABLE app.fast FORCE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA app TO reader, "Röle with space";
GRANT SELECT (id, note), UPDATE (note) ON app.main TO "Röle with space" WITH GRANT OPTION;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO reader;
GRANT USAGE ON TYPE app.mood TO reader;
REVOKE ALL ON FUNCTION app.quoted(text, text[]) FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA app GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER TABLE app.parent OWNER TO app_owner;

-- Foreign data
CREATE FOREIGN DATA WRAPPER nothing OPTIONS (debug 'true;');
CREATE SERVER far TYPE 'odd' VERSION '1;0' FOREIGN DATA WRAPPER nothing OPTIONS (host 'it''s far');
CREATE USER MAPPING FOR reader SERVER far OPTIONS (password 'sec;ret''');
CREATE FOREIGN TABLE app.distant (a integer OPTIONS (name 'A;'), b text) SERVER far OPTIONS (t 'x');

-- Replication
CREATE PUBLICATION "some;" FOR TABLE app.main (id, note) WHERE (id > 100), app.typed WITH (publish = 'insert');
CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA "Odd ""schema"" name";
CREATE SUBSCRIPTION dead CONNECTION 'host=/nowhere dbname=x' PUBLICATION a, "b;c" WITH (connect = false, slot_name = NONE);

-- Data with odd characters: everything that COPY escapes, or psql might take for a command
INSERT INTO app.main (code, n, mood, pair, span, spans, note, doc, xml, bin, bits, many, at, took, money, addr, vec) VALUES
  ('A1', 1, 'h''äppy; ☃', ROW(1, 'x"y'), '[1,2)', '{[1,2),[5,6]}', E'\\.', '{"a": "\\n; --"}', '<a>&amp;;</a>',
   '\x00ff5c0a', B'101', '{{a,"b;c"},{"\"q\"",NULL}}', '2024-02-29 12:00:00+00', '1 mon -3 days', 12345678901234567890.0123456789, '::1/64', 'a:1 b:2A'),
  ('A2', 2, 'back\slash', ROW(NULL, E'new\nline'), '[3,4]', '{}', E'tab\there\nnewline\rreturn\x08\x0b\x0c', '[1, null]', NULL,
   '\x', B'', '{}', 'infinity', '-1 year', 'NaN', '10.0.0.1', ''),
  ('A3', 3, NULL, NULL, 'empty', NULL, '\N', NULL, '<x/>', NULL, NULL, NULL, '-infinity', NULL, NULL, NULL, NULL),
  ('A4', 4, 'sad', NULL, NULL, NULL, '', '"☃ 𝄞 é"', NULL, NULL, NULL, NULL, NULL, NULL, -0.5, NULL, NULL),
  ('A5', 5, 'sad', NULL, NULL, NULL, E'\\if false\n\\i /etc/passwd\n\\! true\n:given :''given'' $$ -- /* ;', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO app.main (code, n, note) SELECT 'B' || i, i, repeat(E'\\.\n', 20) || repeat('long;', i) FROM generate_series(1, 500) i;
INSERT INTO "Odd ""schema"" name"."Tab;le" ("select", "a	tab") VALUES (100, E'\t'), (NULL, E'\\.\n\\.'), (110, '''');
INSERT INTO app.by_default (main) VALUES (100), (NULL);
INSERT INTO app.fast SELECT i, -i FROM generate_series(1, 1000) i;
INSERT INTO app.typed VALUES (1, 'Z'), (2, NULL);
INSERT INTO app.parent VALUES (1, 'in parent');
INSERT INTO app.child VALUES (2, 'in child', 3);
INSERT INTO app.parted VALUES (1, 'a', '2020-01-01'), (11, 'x', NULL), (12, NULL, NULL), (1000, 'far', '9999-12-31');
INSERT INTO app.hashed SELECT generate_series(1, 50);
INSERT INTO app.numbers VALUES (1.17549e-38, 1e-300, '{NaN,-Infinity,0.1,NULL}', E'{"crlf": "\\r\\n",\r\n "x": [1.0, "\\\\."]}', true, ';', '12.34', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '(1,-0)'),
  ('NaN', 'Infinity', '{}', 'null', NULL, '\', NULL, NULL, NULL);
REFRESH MATERIALIZED VIEW app.kept;

-- Large objects
SELECT lo_from_bytea(123456, '\x005c2e0a27'), lo_from_bytea(123457, decode(repeat('27', 5000), 'hex'));
COMMENT ON LARGE OBJECT 123456 IS 'large; object';
GRANT SELECT ON LARGE OBJECT 123457 TO reader;

