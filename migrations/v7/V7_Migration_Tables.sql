-- V7 migration, database phase: tracking tables, file audit, enum consolidation, and the way back.
--
-- Each section is run by a step of its own (plans/v7-database-phase.toml); what stands between two of these headings
-- belongs to the first. Sections 1 and 3 to 8 make the infrastructure, section 2 widens file_audit, the data sections
-- fill what was made, the consolidation sections move the columns of 48 enums to 12. Section 9 takes all of it back,
-- from wherever it stopped.
--
-- Nothing here says IF NOT EXISTS but section 9 and its like: a table of one of these names that is there already is
-- somebody else's, and has to stop the run.

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 1: master workflow table
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE v7_migration_workflow (
  phase_number integer     PRIMARY KEY,
  phase_name   text        NOT NULL UNIQUE,
  owner        text,
  status       text        NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'in_progress', 'blocked', 'complete')),
  started_at   timestamptz,
  completed_at timestamptz,
  CONSTRAINT v7_migration_workflow_ends_after_its_start CHECK (completed_at >= started_at)
);

COMMENT ON TABLE v7_migration_workflow IS 'The 7 phases of the V7 migration and how far each is';

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 2: file audit enhancements
-- ---------------------------------------------------------------------------------------------------------------------

-- Without a default: that is data, and a step of its own. No table is rewritten.
ALTER TABLE file_audit
  ADD COLUMN v7_workflow_status text
    CHECK (v7_workflow_status IN ('pending_assessment', 'assessed', 'renamed', 'exempt')),
  -- The convention: WF*_V7_L*_*of*_*.py
  ADD COLUMN v7_target_name     text CHECK (v7_target_name ~ '^WF[0-9]+_V7_L[0-9]_[0-9]+of[0-9]+_.+[.]py$'),
  ADD COLUMN v7_phase_number    integer,
  ADD COLUMN v7_assessed_at     timestamptz;

COMMENT ON COLUMN file_audit.v7_workflow_status IS 'Null for files that belong to no workflow';

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 3: ENUM migration tracking
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE v7_enum_migrations (
  id              integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  enum_name       text        NOT NULL UNIQUE,
  canonical_name  text        NOT NULL,
  -- The labels in their order, and what each is called in the canonical type: what it takes to make the type again.
  labels          text[]      NOT NULL DEFAULT '{}',
  value_map       jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(value_map) = 'object'),
  -- [{"table", "column", "default"}], written when the columns are moved.
  used_by         jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(used_by) = 'array'),
  status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'mapped', 'consolidated')),
  consolidated_at timestamptz,
  CONSTRAINT v7_enum_migrations_consolidated_has_its_time
    CHECK ((status = 'consolidated') = (consolidated_at IS NOT NULL))
);

COMMENT ON TABLE v7_enum_migrations IS
  'Duplicate enums, the type that replaces each, and what it takes to bring it back';

-- Moves every column of an enum to its canonical type and drops the enum; how many columns there were.
CREATE FUNCTION v7_consolidate_enum(p_enum_name text) RETURNS integer
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  mapping v7_enum_migrations;
  used    record;
  label   text;
  uses    jsonb := '[]';
BEGIN
  SELECT * INTO STRICT mapping FROM v7_enum_migrations WHERE enum_name = p_enum_name FOR UPDATE;
  IF mapping.status = 'consolidated' THEN
    RETURN 0;
  END IF;
  IF mapping.status <> 'mapped' THEN
    RAISE EXCEPTION 'the labels of % are not mapped yet', p_enum_name
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  FOR used IN
    SELECT relation.oid::regclass AS name, attribute.attname, pg_get_expr(preset.adbin, preset.adrelid) AS preset
    FROM pg_attribute AS attribute
    JOIN pg_class AS relation ON relation.oid = attribute.attrelid AND relation.relkind IN ('r', 'p')
    LEFT JOIN pg_attrdef AS preset ON preset.adrelid = attribute.attrelid AND preset.adnum = attribute.attnum
    WHERE attribute.atttypid = to_regtype(quote_ident(p_enum_name)) AND NOT attribute.attisdropped
    ORDER BY relation.relname, attribute.attnum
  LOOP
    label := NULL;
    IF used.preset IS NOT NULL THEN
      -- A default is of the old type; it can't be cast along with the column.
      EXECUTE format('SELECT (%s)::text', used.preset) INTO label;
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', used.name, used.attname);
    END IF;
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %I USING (%L::jsonb ->> %2$I::text)::%3$I',
                   used.name, used.attname, mapping.canonical_name, mapping.value_map);
    IF label IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %L', used.name, used.attname,
                     mapping.value_map ->> label);
    END IF;
    uses := uses || jsonb_build_object('table', used.name::text, 'column', used.attname, 'default', label);
  END LOOP;

  -- Without CASCADE: what else uses the type has to stop this.
  EXECUTE format('DROP TYPE %I', p_enum_name);
  UPDATE v7_enum_migrations SET status = 'consolidated', consolidated_at = now(), used_by = uses WHERE id = mapping.id;
  RETURN jsonb_array_length(uses);
END;
$$;

-- The way back: makes the enum again, and gives it its columns.
CREATE FUNCTION v7_restore_enum(p_enum_name text) RETURNS integer
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  mapping v7_enum_migrations;
  used    record;
  back    jsonb;
BEGIN
  SELECT * INTO STRICT mapping FROM v7_enum_migrations WHERE enum_name = p_enum_name FOR UPDATE;
  IF mapping.status <> 'consolidated' THEN
    RETURN 0;
  END IF;
  SELECT jsonb_object_agg(pair.value, pair.key) INTO back FROM jsonb_each_text(mapping.value_map) AS pair;
  EXECUTE format('CREATE TYPE %I AS ENUM (%s)', p_enum_name,
                 (SELECT string_agg(quote_literal(old.label), ', ' ORDER BY old.at)
                  FROM unnest(mapping.labels) WITH ORDINALITY AS old(label, at)));

  FOR used IN
    SELECT * FROM jsonb_to_recordset(mapping.used_by) AS u("table" regclass, "column" name, "default" text)
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', used."table", used."column");
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %I USING (%L::jsonb ->> %2$I::text)::%3$I',
                   used."table", used."column", p_enum_name, back);
    IF used."default" IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %L', used."table", used."column", used."default");
    END IF;
  END LOOP;

  UPDATE v7_enum_migrations SET status = 'mapped', consolidated_at = NULL, used_by = '[]' WHERE id = mapping.id;
  RETURN jsonb_array_length(mapping.used_by);
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 4: global impact assessment
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE v7_global_impacts (
  id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  layer        text    NOT NULL CHECK (layer ~ '^L[0-9]$'),
  description  text    NOT NULL,
  severity     text    NOT NULL DEFAULT 'medium' CHECK (severity IN ('low', 'medium', 'high', 'breaking')),
  phase_number integer REFERENCES v7_migration_workflow (phase_number),
  mitigation   text,
  status       text    NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'mitigated', 'accepted')),
  -- What a second run of the data section conflicts with.
  CONSTRAINT v7_global_impacts_once UNIQUE (layer, description)
);

COMMENT ON TABLE v7_global_impacts IS 'What the migration means for each layer of the application';

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 5: sub-workflow tasks
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE v7_subworkflow_tasks (
  id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  phase_number integer NOT NULL REFERENCES v7_migration_workflow (phase_number),
  title        text    NOT NULL,
  owner        text,
  status       text    NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'in_progress', 'done')),
  CONSTRAINT v7_subworkflow_tasks_once UNIQUE (phase_number, title)
);

COMMENT ON TABLE v7_subworkflow_tasks IS 'What there is to do in a phase';

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 6: test results tracking
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE v7_test_results (
  id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task_id     integer     REFERENCES v7_subworkflow_tasks (id),
  test_name   text        NOT NULL,
  passed      boolean     NOT NULL,
  elapsed_ms  integer     CHECK (elapsed_ms >= 0),
  note        text,
  recorded_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE v7_test_results IS 'Tests of the migration, with what they measured';

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 7: performance indexes
-- ---------------------------------------------------------------------------------------------------------------------

-- CONCURRENTLY for the sake of file_audit, which everybody reads; each is a statement of its own, outside of any
-- transaction, so that one that fails doesn't take the others along.
CREATE INDEX CONCURRENTLY idx_v7_enum_migrations_canonical ON v7_enum_migrations (canonical_name, status);
CREATE INDEX CONCURRENTLY idx_v7_global_impacts_open       ON v7_global_impacts (layer) WHERE status = 'open';
CREATE INDEX CONCURRENTLY idx_v7_global_impacts_phase      ON v7_global_impacts (phase_number);
CREATE INDEX CONCURRENTLY idx_v7_test_results_task         ON v7_test_results (task_id, recorded_at);
CREATE INDEX CONCURRENTLY idx_v7_test_results_failed       ON v7_test_results (recorded_at) WHERE NOT passed;
CREATE INDEX CONCURRENTLY idx_v7_file_audit_layer          ON file_audit (layer, file_name);

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 8: monitoring views
-- ---------------------------------------------------------------------------------------------------------------------

-- A row a phase, also for those that nothing is known of yet.
CREATE VIEW v7_migration_dashboard AS
  SELECT phase.phase_number, phase.phase_name, phase.status,
         (SELECT count(*) FROM v7_subworkflow_tasks AS task WHERE task.phase_number = phase.phase_number) AS tasks,
         (SELECT count(*) FROM v7_subworkflow_tasks AS task
          WHERE task.phase_number = phase.phase_number AND task.status = 'done') AS tasks_done,
         (SELECT count(*) FROM v7_global_impacts AS impact
          WHERE impact.phase_number = phase.phase_number AND impact.status = 'open') AS open_impacts
  FROM v7_migration_workflow AS phase;

CREATE VIEW v7_enum_progress AS
  SELECT canonical_name, count(*) AS duplicates, count(*) FILTER (WHERE status = 'consolidated') AS consolidated
  FROM v7_enum_migrations GROUP BY canonical_name;

CREATE VIEW v7_layer_impacts AS
  SELECT layer, severity, count(*) AS impacts, count(*) FILTER (WHERE status = 'open') AS open
  FROM v7_global_impacts GROUP BY layer, severity;

-- ---------------------------------------------------------------------------------------------------------------------
-- Data: migration phases
-- ---------------------------------------------------------------------------------------------------------------------

-- ON CONFLICT is safe in these sections because each key is a real one, not a generated id.
INSERT INTO v7_migration_workflow (phase_number, phase_name, owner, status) VALUES
  (1, 'Audit of all files',        'Layer Guardians',   'complete'),
  (2, 'Design of the conventions', 'The Architect',     'complete'),
  (3, 'Rehearsal',                 'Test Sentinel',     'complete'),
  (4, 'Database',                  'DB Team Lead',      'in_progress'),
  (5, 'Models and schemas',        'Dev Team',          'pending'),
  (6, 'Services and routers',      'Dev Team',          'pending'),
  (7, 'Removal of what is old',    'Workflow Personas', 'pending')
ON CONFLICT (phase_number) DO NOTHING;

-- ---------------------------------------------------------------------------------------------------------------------
-- Data: enum duplications
-- ---------------------------------------------------------------------------------------------------------------------

-- Which enum means what is known; its labels are read from the catalog. Where the labels in small letters aren't
-- exactly the canonical ones, the row stays `pending`, and consolidating it is refused.
INSERT INTO v7_enum_migrations (enum_name, canonical_name, labels, value_map, status)
SELECT known.enum_name, known.canonical_name, coalesce(found.labels, '{}'), coalesce(found.value_map, '{}'),
       CASE WHEN found.small = meant.labels THEN 'mapped' ELSE 'pending' END
FROM (VALUES
  ('place_processing_status',      'processing_status'),
  ('place_curation_status',        'curation_status'),
  ('place_sync_state',             'sync_state'),
  ('domainprocessingstatus',       'processing_status'),
  ('domaincurationstatus',         'curation_status'),
  ('domainsyncstate',              'sync_state'),
  ('wf_sitemap_processing_status', 'processing_status'),
  ('wf_sitemap_curation_status',   'curation_status'),
  ('wf_sitemap_sync_state',        'sync_state'),
  ('page_processing_status_enum',  'processing_status'),
  ('page_curation_status_enum',    'curation_status'),
  ('page_sync_state_enum',         'sync_state'),
  ('job_task_state',               'task_state'),
  ('job_priority_level',           'priority_level'),
  ('job_run_outcome',              'run_outcome'),
  ('batchtaskstate',               'task_state'),
  ('batchprioritylevel',           'priority_level'),
  ('batchrunoutcome',              'run_outcome'),
  ('wf_dart_task_task_state',      'task_state'),
  ('wf_dart_task_priority_level',  'priority_level'),
  ('wf_dart_task_run_outcome',     'run_outcome'),
  ('review_task_state_enum',       'task_state'),
  ('review_priority_level_enum',   'priority_level'),
  ('review_run_outcome_enum',      'run_outcome'),
  ('contact_source_kind',          'source_kind'),
  ('contact_contact_kind',         'contact_kind'),
  ('contact_verification',         'verification'),
  ('companysourcekind',            'source_kind'),
  ('companycontactkind',           'contact_kind'),
  ('companyverification',          'verification'),
  ('wf_email_source_kind',         'source_kind'),
  ('wf_email_contact_kind',        'contact_kind'),
  ('wf_email_verification',        'verification'),
  ('phone_source_kind_enum',       'source_kind'),
  ('phone_contact_kind_enum',      'contact_kind'),
  ('phone_verification_enum',      'verification'),
  ('event_severity_level',         'severity_level'),
  ('event_lifecycle',              'lifecycle'),
  ('event_scope_kind',             'scope_kind'),
  ('alertseveritylevel',           'severity_level'),
  ('alertlifecycle',               'lifecycle'),
  ('alertscopekind',               'scope_kind'),
  ('wf_schedule_severity_level',   'severity_level'),
  ('wf_schedule_lifecycle',        'lifecycle'),
  ('wf_schedule_scope_kind',       'scope_kind'),
  ('setting_severity_level_enum',  'severity_level'),
  ('setting_lifecycle_enum',       'lifecycle'),
  ('setting_scope_kind_enum',      'scope_kind')
) AS known(enum_name, canonical_name)
JOIN (VALUES
  ('processing_status', ARRAY['complete', 'error', 'pending', 'processing']),
  ('curation_status',   ARRAY['archived', 'maybe', 'new', 'selected']),
  ('sync_state',        ARRAY['failed', 'idle', 'queued', 'synced']),
  ('task_state',        ARRAY['doing', 'done', 'dropped', 'todo']),
  ('priority_level',    ARRAY['high', 'low', 'normal', 'urgent']),
  ('run_outcome',       ARRAY['failed', 'ok', 'partial']),
  ('source_kind',       ARRAY['api', 'crawl', 'import', 'manual']),
  ('contact_kind',      ARRAY['generic', 'person', 'role']),
  ('verification',      ARRAY['bounced', 'unverified', 'verified']),
  ('severity_level',    ARRAY['critical', 'error', 'info', 'warning']),
  ('lifecycle',         ARRAY['active', 'draft', 'retired']),
  ('scope_kind',        ARRAY['global', 'tenant', 'workflow'])
) AS meant(canonical_name, labels) USING (canonical_name)
LEFT JOIN LATERAL (
  SELECT array_agg(label.enumlabel::text ORDER BY label.enumsortorder) AS labels,
         array_agg(lower(label.enumlabel) ORDER BY lower(label.enumlabel) COLLATE "C") AS small,
         jsonb_object_agg(label.enumlabel, lower(label.enumlabel)) AS value_map
  FROM pg_enum AS label WHERE label.enumtypid = to_regtype(quote_ident(known.enum_name))
) AS found ON true
ON CONFLICT (enum_name) DO NOTHING;

-- ---------------------------------------------------------------------------------------------------------------------
-- Data: global impacts
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO v7_global_impacts (layer, description, severity, phase_number, mitigation) VALUES
  ('L1', 'Models name 48 enums, of which 12 are left',             'breaking', 5, 'one module of enums for all'),
  ('L2', 'Schemas of requests write labels in capitals',           'breaking', 5, 'accept both for one release'),
  ('L3', 'Routers filter by the old types'' names',                'high',     6, 'filters take text'),
  ('L4', 'Services compare with enum members of their own module', 'high',     6, 'imports are rewritten by a script'),
  ('L5', 'Configuration lists file names of the old convention',   'medium',   6, NULL),
  ('L6', 'Pages show labels as they are stored',                   'low',      6, 'labels are translated when shown'),
  ('L7', 'Tests insert rows by literal labels',                    'medium',   7, NULL)
ON CONFLICT (layer, description) DO NOTHING;

-- ---------------------------------------------------------------------------------------------------------------------
-- Data: sub-workflow tasks
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO v7_subworkflow_tasks (phase_number, title, owner, status) VALUES
  (1, 'Every file has its layer',             'Layer Guardians',   'done'),
  (1, 'Every file has its workflow, or none', 'Workflow Personas', 'done'),
  (1, 'Enums are listed with their uses',     'The Architect',     'done'),
  (1, 'Debt is written down file by file',    'Layer Guardians',   'in_progress')
ON CONFLICT (phase_number, title) DO NOTHING;

-- ---------------------------------------------------------------------------------------------------------------------
-- Consolidation: canonical types
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TYPE processing_status AS ENUM ('pending', 'processing', 'complete', 'error');
CREATE TYPE curation_status   AS ENUM ('new', 'selected', 'maybe', 'archived');
CREATE TYPE sync_state        AS ENUM ('idle', 'queued', 'synced', 'failed');
CREATE TYPE task_state        AS ENUM ('todo', 'doing', 'done', 'dropped');
CREATE TYPE priority_level    AS ENUM ('low', 'normal', 'high', 'urgent');
CREATE TYPE run_outcome       AS ENUM ('ok', 'partial', 'failed');
CREATE TYPE source_kind       AS ENUM ('manual', 'import', 'crawl', 'api');
CREATE TYPE contact_kind      AS ENUM ('person', 'role', 'generic');
CREATE TYPE verification      AS ENUM ('unverified', 'verified', 'bounced');
CREATE TYPE severity_level    AS ENUM ('info', 'warning', 'error', 'critical');
CREATE TYPE lifecycle         AS ENUM ('draft', 'active', 'retired');
CREATE TYPE scope_kind        AS ENUM ('tenant', 'workflow', 'global');
-- ---------------------------------------------------------------------------------------------------------------------
-- Consolidation: what is collected
-- ---------------------------------------------------------------------------------------------------------------------

SELECT enum_name, canonical_name, v7_consolidate_enum(enum_name) AS columns FROM v7_enum_migrations
WHERE canonical_name IN ('processing_status', 'curation_status', 'sync_state') ORDER BY id;

-- ---------------------------------------------------------------------------------------------------------------------
-- Consolidation: what is to be done
-- ---------------------------------------------------------------------------------------------------------------------

SELECT enum_name, canonical_name, v7_consolidate_enum(enum_name) AS columns FROM v7_enum_migrations
WHERE canonical_name IN ('task_state', 'priority_level', 'run_outcome') ORDER BY id;

-- ---------------------------------------------------------------------------------------------------------------------
-- Consolidation: whom it is about
-- ---------------------------------------------------------------------------------------------------------------------

SELECT enum_name, canonical_name, v7_consolidate_enum(enum_name) AS columns FROM v7_enum_migrations
WHERE canonical_name IN ('source_kind', 'contact_kind', 'verification') ORDER BY id;

-- ---------------------------------------------------------------------------------------------------------------------
-- Consolidation: what the machine says
-- ---------------------------------------------------------------------------------------------------------------------

SELECT enum_name, canonical_name, v7_consolidate_enum(enum_name) AS columns FROM v7_enum_migrations
WHERE canonical_name IN ('severity_level', 'lifecycle', 'scope_kind') ORDER BY id;

-- ---------------------------------------------------------------------------------------------------------------------
-- Section 9: rollback scripts
-- ---------------------------------------------------------------------------------------------------------------------

-- From wherever the phase stopped: nothing here needs to be there. First the enums get their columns back, while the
-- table that knows how is there.
DO $$
BEGIN
  IF to_regclass('public.v7_enum_migrations') IS NOT NULL
     AND to_regprocedure('public.v7_restore_enum(text)') IS NOT NULL THEN
    PERFORM v7_restore_enum(enum_name) FROM v7_enum_migrations WHERE status = 'consolidated' ORDER BY id DESC;
  END IF;
END;
$$;

-- Without CASCADE everywhere: what was built on these since has to stop the rollback, not go with it.
DROP TYPE IF EXISTS processing_status, curation_status, sync_state, task_state, priority_level, run_outcome,
  source_kind, contact_kind, verification, severity_level, lifecycle, scope_kind;

DROP VIEW IF EXISTS v7_layer_impacts;
DROP VIEW IF EXISTS v7_enum_progress;
DROP VIEW IF EXISTS v7_migration_dashboard;

DROP INDEX IF EXISTS idx_v7_file_audit_layer;
ALTER TABLE file_audit
  DROP COLUMN IF EXISTS v7_assessed_at,
  DROP COLUMN IF EXISTS v7_phase_number,
  DROP COLUMN IF EXISTS v7_target_name,
  DROP COLUMN IF EXISTS v7_workflow_status;

DROP TABLE IF EXISTS v7_test_results;
DROP TABLE IF EXISTS v7_subworkflow_tasks;
DROP TABLE IF EXISTS v7_global_impacts;
DROP FUNCTION IF EXISTS v7_restore_enum(text);
DROP FUNCTION IF EXISTS v7_consolidate_enum(text);
DROP TABLE IF EXISTS v7_enum_migrations;
DROP TABLE IF EXISTS v7_migration_workflow;
