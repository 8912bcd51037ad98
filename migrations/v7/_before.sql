-- The database as it stands before the V7 database phase: what four versions of an application left behind.
--
-- A crawler's application, schema public: the places, domains, sitemaps and pages it collects, the jobs that do it, the
-- people and companies that are found, and what the machine says of itself. file_audit knows every source file.
-- Each version declared its status types anew: 48 enums mean 12 things. The first and the fourth wrote the labels as
-- they should be, the second in capitals, the third in reverse order.
--
-- For demonstrations, rehearsals and tests only; it expects an empty schema. Every value is fixed or derived from a
-- counter, never from the clock or from chance, so that two databases made by this file hold the same rows.

-- ---------------------------------------------------------------------------------------------------------------------
-- 48 enums
-- ---------------------------------------------------------------------------------------------------------------------

-- What is collected
CREATE TYPE place_processing_status         AS ENUM ('pending', 'processing', 'complete', 'error');
CREATE TYPE place_curation_status           AS ENUM ('new', 'selected', 'maybe', 'archived');
CREATE TYPE place_sync_state                AS ENUM ('idle', 'queued', 'synced', 'failed');
CREATE TYPE domainprocessingstatus          AS ENUM ('PENDING', 'PROCESSING', 'COMPLETE', 'ERROR');
CREATE TYPE domaincurationstatus            AS ENUM ('NEW', 'SELECTED', 'MAYBE', 'ARCHIVED');
CREATE TYPE domainsyncstate                 AS ENUM ('IDLE', 'QUEUED', 'SYNCED', 'FAILED');
CREATE TYPE wf_sitemap_processing_status    AS ENUM ('error', 'complete', 'processing', 'pending');
CREATE TYPE wf_sitemap_curation_status      AS ENUM ('archived', 'maybe', 'selected', 'new');
CREATE TYPE wf_sitemap_sync_state           AS ENUM ('failed', 'synced', 'queued', 'idle');
CREATE TYPE page_processing_status_enum     AS ENUM ('pending', 'processing', 'complete', 'error');
CREATE TYPE page_curation_status_enum       AS ENUM ('new', 'selected', 'maybe', 'archived');
CREATE TYPE page_sync_state_enum            AS ENUM ('idle', 'queued', 'synced', 'failed');
-- What is to be done
CREATE TYPE job_task_state                  AS ENUM ('todo', 'doing', 'done', 'dropped');
CREATE TYPE job_priority_level              AS ENUM ('low', 'normal', 'high', 'urgent');
CREATE TYPE job_run_outcome                 AS ENUM ('ok', 'partial', 'failed');
CREATE TYPE batchtaskstate                  AS ENUM ('TODO', 'DOING', 'DONE', 'DROPPED');
CREATE TYPE batchprioritylevel              AS ENUM ('LOW', 'NORMAL', 'HIGH', 'URGENT');
CREATE TYPE batchrunoutcome                 AS ENUM ('OK', 'PARTIAL', 'FAILED');
CREATE TYPE wf_dart_task_task_state         AS ENUM ('dropped', 'done', 'doing', 'todo');
CREATE TYPE wf_dart_task_priority_level     AS ENUM ('urgent', 'high', 'normal', 'low');
CREATE TYPE wf_dart_task_run_outcome        AS ENUM ('failed', 'partial', 'ok');
CREATE TYPE review_task_state_enum          AS ENUM ('todo', 'doing', 'done', 'dropped');
CREATE TYPE review_priority_level_enum      AS ENUM ('low', 'normal', 'high', 'urgent');
CREATE TYPE review_run_outcome_enum         AS ENUM ('ok', 'partial', 'failed');
-- Whom it is about
CREATE TYPE contact_source_kind             AS ENUM ('manual', 'import', 'crawl', 'api');
CREATE TYPE contact_contact_kind            AS ENUM ('person', 'role', 'generic');
CREATE TYPE contact_verification            AS ENUM ('unverified', 'verified', 'bounced');
CREATE TYPE companysourcekind               AS ENUM ('MANUAL', 'IMPORT', 'CRAWL', 'API');
CREATE TYPE companycontactkind              AS ENUM ('PERSON', 'ROLE', 'GENERIC');
CREATE TYPE companyverification             AS ENUM ('UNVERIFIED', 'VERIFIED', 'BOUNCED');
CREATE TYPE wf_email_source_kind            AS ENUM ('api', 'crawl', 'import', 'manual');
CREATE TYPE wf_email_contact_kind           AS ENUM ('generic', 'role', 'person');
CREATE TYPE wf_email_verification           AS ENUM ('bounced', 'verified', 'unverified');
CREATE TYPE phone_source_kind_enum          AS ENUM ('manual', 'import', 'crawl', 'api');
CREATE TYPE phone_contact_kind_enum         AS ENUM ('person', 'role', 'generic');
CREATE TYPE phone_verification_enum         AS ENUM ('unverified', 'verified', 'bounced');
-- What the machine says
CREATE TYPE event_severity_level            AS ENUM ('info', 'warning', 'error', 'critical');
CREATE TYPE event_lifecycle                 AS ENUM ('draft', 'active', 'retired');
CREATE TYPE event_scope_kind                AS ENUM ('tenant', 'workflow', 'global');
CREATE TYPE alertseveritylevel              AS ENUM ('INFO', 'WARNING', 'ERROR', 'CRITICAL');
CREATE TYPE alertlifecycle                  AS ENUM ('DRAFT', 'ACTIVE', 'RETIRED');
CREATE TYPE alertscopekind                  AS ENUM ('TENANT', 'WORKFLOW', 'GLOBAL');
CREATE TYPE wf_schedule_severity_level      AS ENUM ('critical', 'error', 'warning', 'info');
CREATE TYPE wf_schedule_lifecycle           AS ENUM ('retired', 'active', 'draft');
CREATE TYPE wf_schedule_scope_kind          AS ENUM ('global', 'workflow', 'tenant');
CREATE TYPE setting_severity_level_enum     AS ENUM ('info', 'warning', 'error', 'critical');
CREATE TYPE setting_lifecycle_enum          AS ENUM ('draft', 'active', 'retired');
CREATE TYPE setting_scope_kind_enum         AS ENUM ('tenant', 'workflow', 'global');
-- ---------------------------------------------------------------------------------------------------------------------
-- Tables
-- ---------------------------------------------------------------------------------------------------------------------

-- What is collected

CREATE TABLE places (
  id                integer                 PRIMARY KEY,
  label             text                    NOT NULL,
  processing_status place_processing_status NOT NULL DEFAULT 'pending',
  curation_status   place_curation_status   NOT NULL,
  sync_state        place_sync_state,
  created_at        timestamptz             NOT NULL DEFAULT now()
);

CREATE TABLE domains (
  id                integer                PRIMARY KEY,
  place_id          integer                NOT NULL REFERENCES places (id),
  label             text                   NOT NULL,
  processing_status domainprocessingstatus NOT NULL DEFAULT 'PENDING',
  curation_status   domaincurationstatus   NOT NULL,
  sync_state        domainsyncstate,
  created_at        timestamptz            NOT NULL DEFAULT now()
);

CREATE TABLE sitemaps (
  id                integer                      PRIMARY KEY,
  domain_id         integer                      NOT NULL REFERENCES domains (id),
  label             text                         NOT NULL,
  processing_status wf_sitemap_processing_status NOT NULL DEFAULT 'pending',
  curation_status   wf_sitemap_curation_status   NOT NULL,
  sync_state        wf_sitemap_sync_state,
  created_at        timestamptz                  NOT NULL DEFAULT now()
);

CREATE TABLE pages (
  id                integer                     PRIMARY KEY,
  sitemap_id        integer                     NOT NULL REFERENCES sitemaps (id),
  label             text                        NOT NULL,
  processing_status page_processing_status_enum NOT NULL DEFAULT 'pending',
  curation_status   page_curation_status_enum   NOT NULL,
  sync_state        page_sync_state_enum,
  created_at        timestamptz                 NOT NULL DEFAULT now()
);

-- What is to be done

CREATE TABLE jobs (
  id             integer            PRIMARY KEY,
  label          text               NOT NULL,
  task_state     job_task_state     NOT NULL DEFAULT 'todo',
  priority_level job_priority_level NOT NULL,
  run_outcome    job_run_outcome,
  created_at     timestamptz        NOT NULL DEFAULT now()
);

CREATE TABLE batches (
  id             integer            PRIMARY KEY,
  job_id         integer            NOT NULL REFERENCES jobs (id),
  label          text               NOT NULL,
  task_state     batchtaskstate     NOT NULL DEFAULT 'TODO',
  priority_level batchprioritylevel NOT NULL,
  run_outcome    batchrunoutcome,
  created_at     timestamptz        NOT NULL DEFAULT now()
);

CREATE TABLE dart_tasks (
  id             integer                     PRIMARY KEY,
  batch_id       integer                     NOT NULL REFERENCES batches (id),
  label          text                        NOT NULL,
  task_state     wf_dart_task_task_state     NOT NULL DEFAULT 'todo',
  priority_level wf_dart_task_priority_level NOT NULL,
  run_outcome    wf_dart_task_run_outcome,
  created_at     timestamptz                 NOT NULL DEFAULT now()
);

CREATE TABLE reviews (
  id             integer                    PRIMARY KEY,
  page_id        integer                    NOT NULL REFERENCES pages (id),
  label          text                       NOT NULL,
  task_state     review_task_state_enum     NOT NULL DEFAULT 'todo',
  priority_level review_priority_level_enum NOT NULL,
  run_outcome    review_run_outcome_enum,
  created_at     timestamptz                NOT NULL DEFAULT now()
);

-- Whom it is about

CREATE TABLE contacts (
  id           integer              PRIMARY KEY,
  page_id      integer              NOT NULL REFERENCES pages (id),
  label        text                 NOT NULL,
  source_kind  contact_source_kind  NOT NULL DEFAULT 'manual',
  contact_kind contact_contact_kind NOT NULL,
  verification contact_verification,
  created_at   timestamptz          NOT NULL DEFAULT now()
);

CREATE TABLE companies (
  id           integer             PRIMARY KEY,
  domain_id    integer             NOT NULL REFERENCES domains (id),
  label        text                NOT NULL,
  source_kind  companysourcekind   NOT NULL DEFAULT 'MANUAL',
  contact_kind companycontactkind  NOT NULL,
  verification companyverification,
  created_at   timestamptz         NOT NULL DEFAULT now()
);

CREATE TABLE emails (
  id           integer               PRIMARY KEY,
  contact_id   integer               NOT NULL REFERENCES contacts (id),
  label        text                  NOT NULL,
  source_kind  wf_email_source_kind  NOT NULL DEFAULT 'manual',
  contact_kind wf_email_contact_kind NOT NULL,
  verification wf_email_verification,
  created_at   timestamptz           NOT NULL DEFAULT now()
);

CREATE TABLE phones (
  id           integer                 PRIMARY KEY,
  contact_id   integer                 NOT NULL REFERENCES contacts (id),
  label        text                    NOT NULL,
  source_kind  phone_source_kind_enum  NOT NULL DEFAULT 'manual',
  contact_kind phone_contact_kind_enum NOT NULL,
  verification phone_verification_enum,
  created_at   timestamptz             NOT NULL DEFAULT now()
);

-- What the machine says

CREATE TABLE events (
  id             integer              PRIMARY KEY,
  label          text                 NOT NULL,
  severity_level event_severity_level NOT NULL DEFAULT 'info',
  lifecycle      event_lifecycle      NOT NULL,
  scope_kind     event_scope_kind,
  created_at     timestamptz          NOT NULL DEFAULT now()
);

CREATE TABLE alerts (
  id             integer            PRIMARY KEY,
  event_id       integer            NOT NULL REFERENCES events (id),
  label          text               NOT NULL,
  severity_level alertseveritylevel NOT NULL DEFAULT 'INFO',
  lifecycle      alertlifecycle     NOT NULL,
  scope_kind     alertscopekind,
  created_at     timestamptz        NOT NULL DEFAULT now()
);

CREATE TABLE schedules (
  id             integer                    PRIMARY KEY,
  job_id         integer                    NOT NULL REFERENCES jobs (id),
  label          text                       NOT NULL,
  severity_level wf_schedule_severity_level NOT NULL DEFAULT 'info',
  lifecycle      wf_schedule_lifecycle      NOT NULL,
  scope_kind     wf_schedule_scope_kind,
  created_at     timestamptz                NOT NULL DEFAULT now()
);

CREATE TABLE settings (
  id             integer                     PRIMARY KEY,
  label          text                        NOT NULL,
  severity_level setting_severity_level_enum NOT NULL DEFAULT 'info',
  lifecycle      setting_lifecycle_enum      NOT NULL,
  scope_kind     setting_scope_kind_enum,
  created_at     timestamptz                 NOT NULL DEFAULT now()
);

-- What every source file is, and what is wrong with it.
CREATE TABLE file_audit (
  id             integer     PRIMARY KEY,
  file_path      text        NOT NULL UNIQUE,
  file_name      text        NOT NULL,
  layer          text        NOT NULL CHECK (layer ~ '^L[1-7]$'),
  workflow       text,
  status         text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'orphan', 'removed')),
  technical_debt text,
  lines          integer     NOT NULL CHECK (lines >= 0),
  updated_at     timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE file_audit IS 'Every source file with its layer, its workflow and what is wrong with it';

CREATE INDEX idx_domains_place        ON domains (place_id);
CREATE INDEX idx_domains_curation     ON domains (curation_status, id);
CREATE INDEX idx_sitemaps_domain      ON sitemaps (domain_id);
CREATE INDEX idx_pages_sitemap        ON pages (sitemap_id);
CREATE INDEX idx_pages_processing     ON pages (processing_status, created_at);
CREATE INDEX idx_dart_tasks_state     ON dart_tasks (task_state, priority_level);
CREATE INDEX idx_contacts_page        ON contacts (page_id);
CREATE INDEX idx_events_severity      ON events (severity_level, created_at);
CREATE INDEX idx_file_audit_workflow  ON file_audit (workflow);

CREATE VIEW technical_debt_by_layer AS
  SELECT layer, count(*) AS files, count(technical_debt) AS with_debt, sum(lines) AS lines
  FROM file_audit WHERE status <> 'removed' GROUP BY layer;

-- ---------------------------------------------------------------------------------------------------------------------
-- Rows
-- ---------------------------------------------------------------------------------------------------------------------

-- What is collected
INSERT INTO places (id, label, processing_status, curation_status, sync_state, created_at)
SELECT n,
       'Place ' || n,
       (enum_range(NULL::place_processing_status))[1 + (n + 0) % 4],
       (enum_range(NULL::place_curation_status))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::place_sync_state))[1 + (n + 2) % 4] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 12) AS n;
INSERT INTO domains (id, place_id, label, processing_status, curation_status, sync_state, created_at)
SELECT n,
       1 + (n - 1) % 12,
       'Domain ' || n,
       (enum_range(NULL::domainprocessingstatus))[1 + (n + 0) % 4],
       (enum_range(NULL::domaincurationstatus))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::domainsyncstate))[1 + (n + 2) % 4] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 24) AS n;
INSERT INTO sitemaps (id, domain_id, label, processing_status, curation_status, sync_state, created_at)
SELECT n,
       1 + (n - 1) % 24,
       'Sitemap ' || n,
       (enum_range(NULL::wf_sitemap_processing_status))[1 + (n + 0) % 4],
       (enum_range(NULL::wf_sitemap_curation_status))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::wf_sitemap_sync_state))[1 + (n + 2) % 4] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 36) AS n;
INSERT INTO pages (id, sitemap_id, label, processing_status, curation_status, sync_state, created_at)
SELECT n,
       1 + (n - 1) % 36,
       'Page ' || n,
       (enum_range(NULL::page_processing_status_enum))[1 + (n + 0) % 4],
       (enum_range(NULL::page_curation_status_enum))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::page_sync_state_enum))[1 + (n + 2) % 4] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 120) AS n;
-- What is to be done
INSERT INTO jobs (id, label, task_state, priority_level, run_outcome, created_at)
SELECT n,
       'Job ' || n,
       (enum_range(NULL::job_task_state))[1 + (n + 0) % 4],
       (enum_range(NULL::job_priority_level))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::job_run_outcome))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 20) AS n;
INSERT INTO batches (id, job_id, label, task_state, priority_level, run_outcome, created_at)
SELECT n,
       1 + (n - 1) % 20,
       'Batch ' || n,
       (enum_range(NULL::batchtaskstate))[1 + (n + 0) % 4],
       (enum_range(NULL::batchprioritylevel))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::batchrunoutcome))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 20) AS n;
INSERT INTO dart_tasks (id, batch_id, label, task_state, priority_level, run_outcome, created_at)
SELECT n,
       1 + (n - 1) % 20,
       'Dart task ' || n,
       (enum_range(NULL::wf_dart_task_task_state))[1 + (n + 0) % 4],
       (enum_range(NULL::wf_dart_task_priority_level))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::wf_dart_task_run_outcome))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 30) AS n;
INSERT INTO reviews (id, page_id, label, task_state, priority_level, run_outcome, created_at)
SELECT n,
       1 + (n - 1) % 120,
       'Review ' || n,
       (enum_range(NULL::review_task_state_enum))[1 + (n + 0) % 4],
       (enum_range(NULL::review_priority_level_enum))[1 + (n + 1) % 4],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::review_run_outcome_enum))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 40) AS n;
-- Whom it is about
INSERT INTO contacts (id, page_id, label, source_kind, contact_kind, verification, created_at)
SELECT n,
       1 + (n - 1) % 120,
       'Contact ' || n,
       (enum_range(NULL::contact_source_kind))[1 + (n + 0) % 4],
       (enum_range(NULL::contact_contact_kind))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::contact_verification))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 80) AS n;
INSERT INTO companies (id, domain_id, label, source_kind, contact_kind, verification, created_at)
SELECT n,
       1 + (n - 1) % 24,
       'Company ' || n,
       (enum_range(NULL::companysourcekind))[1 + (n + 0) % 4],
       (enum_range(NULL::companycontactkind))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::companyverification))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 24) AS n;
INSERT INTO emails (id, contact_id, label, source_kind, contact_kind, verification, created_at)
SELECT n,
       1 + (n - 1) % 80,
       'Email ' || n,
       (enum_range(NULL::wf_email_source_kind))[1 + (n + 0) % 4],
       (enum_range(NULL::wf_email_contact_kind))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::wf_email_verification))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 80) AS n;
INSERT INTO phones (id, contact_id, label, source_kind, contact_kind, verification, created_at)
SELECT n,
       1 + (n - 1) % 80,
       'Phone ' || n,
       (enum_range(NULL::phone_source_kind_enum))[1 + (n + 0) % 4],
       (enum_range(NULL::phone_contact_kind_enum))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::phone_verification_enum))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 60) AS n;
-- What the machine says
INSERT INTO events (id, label, severity_level, lifecycle, scope_kind, created_at)
SELECT n,
       'Event ' || n,
       (enum_range(NULL::event_severity_level))[1 + (n + 0) % 4],
       (enum_range(NULL::event_lifecycle))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::event_scope_kind))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 90) AS n;
INSERT INTO alerts (id, event_id, label, severity_level, lifecycle, scope_kind, created_at)
SELECT n,
       1 + (n - 1) % 90,
       'Alert ' || n,
       (enum_range(NULL::alertseveritylevel))[1 + (n + 0) % 4],
       (enum_range(NULL::alertlifecycle))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::alertscopekind))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 25) AS n;
INSERT INTO schedules (id, job_id, label, severity_level, lifecycle, scope_kind, created_at)
SELECT n,
       1 + (n - 1) % 20,
       'Schedule ' || n,
       (enum_range(NULL::wf_schedule_severity_level))[1 + (n + 0) % 4],
       (enum_range(NULL::wf_schedule_lifecycle))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::wf_schedule_scope_kind))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 12) AS n;
INSERT INTO settings (id, label, severity_level, lifecycle, scope_kind, created_at)
SELECT n,
       'Setting ' || n,
       (enum_range(NULL::setting_severity_level_enum))[1 + (n + 0) % 4],
       (enum_range(NULL::setting_lifecycle_enum))[1 + (n + 1) % 3],
       CASE WHEN n % 5 > 0 THEN (enum_range(NULL::setting_scope_kind_enum))[1 + (n + 2) % 3] END,
       '2025-07-01 08:00+00'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 9) AS n;
-- 7 workflows with 8 files each, and 24 files that belong to none.
INSERT INTO file_audit (id, file_path, file_name, layer, workflow, status, technical_debt, lines, updated_at)
SELECT n, format('src/workflows/WF%s_L%s_%s.py', w, l, part), format('WF%s_L%s_%s.py', w, l, part), 'L' || l, 'WF' || w,
       'active', CASE WHEN n % 4 = 0 THEN 'enum declared here' END, 80 + n * 3, '2025-07-20 09:00+00'
FROM generate_series(1, 7) AS w CROSS JOIN generate_series(1, 8) AS p
CROSS JOIN LATERAL (SELECT (w - 1) * 8 + p AS n, 1 + (p - 1) % 7 AS l, 1 + (p - 1) / 7 AS part) AS k;
INSERT INTO file_audit (id, file_path, file_name, layer, workflow, status, technical_debt, lines, updated_at)
SELECT 56 + n, format('src/common/helper_%s.py', n), format('helper_%s.py', n), 'L' || 1 + n % 7, NULL,
       CASE WHEN n % 6 = 0 THEN 'orphan' ELSE 'active' END, CASE WHEN n % 3 = 0 THEN 'no tests' END, 20 + n,
       '2025-07-20 09:00+00'
FROM generate_series(1, 24) AS n;

ANALYZE;
