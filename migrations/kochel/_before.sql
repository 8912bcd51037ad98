-- The database as it stands before the window of Migration Phase A.
--
-- A small venture studio's application, schema public: the ventures, the artifacts they produce stage by stage, the
-- strategic directives (SDs) that steer the work, their requirement documents (PRDs) and the interfaces those promise.
--
-- For demonstrations, rehearsals and tests only; it expects an empty schema. Every value is fixed or derived from a
-- counter, never from the clock or from chance, so that two databases made by this file hold the same rows.

-- ---------------------------------------------------------------------------------------------------------------------
-- Types and the function behind every updated_at
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TYPE venture_status AS ENUM ('idea', 'active', 'paused', 'launched', 'archived');

CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  -- Unconditional on purpose: an application that forgets, or lies about, updated_at is corrected here.
  NEW.updated_at := now();
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION set_updated_at() IS 'Stamps updated_at on every UPDATE, whatever the statement said';

-- ---------------------------------------------------------------------------------------------------------------------
-- Tables
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE ventures (
  id            uuid           PRIMARY KEY DEFAULT gen_random_uuid(),
  name          text           NOT NULL UNIQUE,
  sector        text           NOT NULL,
  status        venture_status NOT NULL DEFAULT 'idea',
  current_stage integer        NOT NULL DEFAULT 1 CHECK (current_stage BETWEEN 1 AND 25),
  owner_id      uuid           NOT NULL,
  created_at    timestamptz    NOT NULL DEFAULT now(),
  updated_at    timestamptz    NOT NULL DEFAULT now()
);

CREATE TABLE strategic_directives_v2 (
  id                   varchar(64)  PRIMARY KEY,
  title                varchar(200) NOT NULL,
  sd_type              varchar(32)  NOT NULL DEFAULT 'feature'
    CHECK (sd_type IN ('feature', 'infrastructure', 'documentation', 'quality', 'orchestrator')),
  status               varchar(32)  NOT NULL DEFAULT 'draft'
    CHECK (status IN ('draft', 'active', 'in_progress', 'on_hold', 'completed', 'cancelled')),
  priority             varchar(16)  NOT NULL DEFAULT 'medium'
    CHECK (priority IN ('critical', 'high', 'medium', 'low')),
  category             varchar(64)  NOT NULL,
  description          text         NOT NULL,
  rationale            text,
  parent_sd_id         varchar(64)  REFERENCES strategic_directives_v2 (id),
  strategic_objectives jsonb        NOT NULL DEFAULT '[]',
  success_criteria     jsonb        NOT NULL DEFAULT '[]',
  progress             integer      NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
  sequence_rank        integer,
  target_application   varchar(32)  NOT NULL DEFAULT 'engineer',
  metadata             jsonb        NOT NULL DEFAULT '{}',
  created_by           varchar(64)  NOT NULL DEFAULT 'system',
  created_at           timestamptz  NOT NULL DEFAULT now(),
  updated_at           timestamptz  NOT NULL DEFAULT now(),
  CONSTRAINT strategic_directives_v2_not_its_own_parent CHECK (parent_sd_id <> id)
);

COMMENT ON TABLE strategic_directives_v2 IS 'What is to be done, for what reason, under which parent';
COMMENT ON COLUMN strategic_directives_v2.metadata IS 'Whatever has no column of its own yet';

CREATE TABLE product_requirements_v2 (
  id           varchar(64)  PRIMARY KEY,
  directive_id varchar(64)  NOT NULL REFERENCES strategic_directives_v2 (id),
  title        varchar(200) NOT NULL,
  status       varchar(32)  NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'approved', 'implemented')),
  created_at   timestamptz  NOT NULL DEFAULT now(),
  updated_at   timestamptz  NOT NULL DEFAULT now()
);

CREATE TABLE venture_artifacts (
  id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  venture_id      uuid        NOT NULL REFERENCES ventures (id) ON DELETE CASCADE,
  lifecycle_stage integer     NOT NULL CHECK (lifecycle_stage BETWEEN 1 AND 25),
  artifact_type   text        NOT NULL,
  title           text        NOT NULL,
  content         text,
  version         integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
  is_current      boolean     NOT NULL DEFAULT true,
  metadata        jsonb       NOT NULL DEFAULT '{}',
  created_by      uuid        NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT venture_artifacts_one_per_version UNIQUE (venture_id, lifecycle_stage, artifact_type, version)
);

COMMENT ON TABLE venture_artifacts IS 'What a venture produced in each stage of its life, every version of it';

CREATE TABLE leo_interfaces (
  id                uuid         PRIMARY KEY DEFAULT gen_random_uuid(),
  prd_id            varchar(64)  NOT NULL REFERENCES product_requirements_v2 (id),
  name              varchar(128) NOT NULL,
  kind              varchar(32)  NOT NULL CHECK (kind IN ('openapi', 'json_schema', 'event', 'crew_contract')),
  version           varchar(16)  NOT NULL DEFAULT '1.0.0',
  spec              jsonb        NOT NULL,
  validation_status varchar(16)  NOT NULL DEFAULT 'pending'
    CHECK (validation_status IN ('pending', 'valid', 'invalid')),
  validation_errors jsonb        NOT NULL DEFAULT '[]',
  created_at        timestamptz  NOT NULL DEFAULT now()
);

COMMENT ON TABLE leo_interfaces IS 'Interfaces that a requirement document promises, with their specification';

-- ---------------------------------------------------------------------------------------------------------------------
-- Indexes, triggers, views
-- ---------------------------------------------------------------------------------------------------------------------

CREATE INDEX idx_ventures_status                 ON ventures (status);
CREATE INDEX idx_strategic_directives_v2_parent  ON strategic_directives_v2 (parent_sd_id);
CREATE INDEX idx_strategic_directives_v2_status  ON strategic_directives_v2 (status, priority);
CREATE INDEX idx_product_requirements_v2_sd      ON product_requirements_v2 (directive_id);
CREATE INDEX idx_venture_artifacts_current       ON venture_artifacts (venture_id, lifecycle_stage) WHERE is_current;
CREATE INDEX idx_leo_interfaces_prd              ON leo_interfaces (prd_id);

CREATE TRIGGER trg_ventures_updated_at BEFORE UPDATE ON ventures
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER trg_strategic_directives_v2_updated_at BEFORE UPDATE ON strategic_directives_v2
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER trg_product_requirements_v2_updated_at BEFORE UPDATE ON product_requirements_v2
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER trg_venture_artifacts_updated_at BEFORE UPDATE ON venture_artifacts
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE VIEW v_sd_progress AS
SELECT parent.id, parent.title, count(child.id) AS children, round(avg(child.progress), 1) AS average_progress
FROM strategic_directives_v2 AS parent
JOIN strategic_directives_v2 AS child ON child.parent_sd_id = parent.id
GROUP BY parent.id, parent.title;

CREATE VIEW v_venture_current_artifacts AS
SELECT venture.name AS venture, artifact.lifecycle_stage, artifact.artifact_type, artifact.title, artifact.version
FROM venture_artifacts AS artifact
JOIN ventures AS venture ON venture.id = artifact.venture_id
WHERE artifact.is_current;

-- ---------------------------------------------------------------------------------------------------------------------
-- Row security: who is asking comes from the token's claims, as the API layer hands them over
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE ventures                ENABLE ROW LEVEL SECURITY;
ALTER TABLE strategic_directives_v2 ENABLE ROW LEVEL SECURITY;
ALTER TABLE venture_artifacts       ENABLE ROW LEVEL SECURITY;
ALTER TABLE leo_interfaces          ENABLE ROW LEVEL SECURITY;

CREATE POLICY ventures_owner ON ventures
  USING (owner_id::text = current_setting('request.jwt.claim.sub', true));
CREATE POLICY strategic_directives_v2_read ON strategic_directives_v2
  FOR SELECT USING (true);
CREATE POLICY strategic_directives_v2_service ON strategic_directives_v2
  USING (current_setting('request.jwt.claim.role', true) = 'service_role');
CREATE POLICY venture_artifacts_owner ON venture_artifacts
  USING (EXISTS (SELECT FROM ventures AS venture
                 WHERE venture.id = venture_id
                   AND venture.owner_id::text = current_setting('request.jwt.claim.sub', true)));
CREATE POLICY leo_interfaces_read ON leo_interfaces
  FOR SELECT USING (true);

-- ---------------------------------------------------------------------------------------------------------------------
-- Ventures
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO ventures (id, name, sector, status, current_stage, owner_id, created_at, updated_at)
SELECT md5('venture ' || n)::uuid, name, sector, status::venture_status, stage, md5('person ' || n % 4)::uuid,
       timestamptz '2025-03-03 09:00:00+00' + n * interval '11 days 3 hours',
       timestamptz '2025-10-06 14:20:00+00' + n * interval '2 days 5 hours 17 minutes'
FROM (VALUES
  ( 1, 'Alpenglow Energy',  'energy',     'launched', 25),
  ( 2, 'Birkenhof Dairy',   'food',       'active',   17),
  ( 3, 'Claribel Tutors',   'education',  'active',   12),
  ( 4, 'Dorn Logistics',    'transport',  'paused',    9),
  ( 5, 'Elster Insurance',  'finance',    'active',   20),
  ( 6, 'Fernweh Rail',      'travel',     'active',   14),
  ( 7, 'Glasmeer Optics',   'hardware',   'idea',      3),
  ( 8, 'Herzogstand Tours', 'travel',     'launched', 24),
  ( 9, 'Isarlight Studio',  'media',      'active',    8),
  (10, 'Jochberg Timber',   'materials',  'archived',  6),
  (11, 'Kesselberg Motors', 'transport',  'active',   16),
  (12, 'Loisach Water',     'utilities',  'active',   18),
  (13, 'Murnau Paper',      'materials',  'idea',      2),
  (14, 'Nebelhorn Audio',   'hardware',   'active',   11)
) AS venture (n, name, sector, status, stage);

-- ---------------------------------------------------------------------------------------------------------------------
-- Strategic directives: twelve areas with four directives each, three tests, Kochel, and Vision Transition
-- ---------------------------------------------------------------------------------------------------------------------

-- In every fourth area the first directive is the parent of the second and the third.
INSERT INTO strategic_directives_v2 (id, title, sd_type, status, priority, category, description, rationale,
                                     parent_sd_id, strategic_objectives, success_criteria, progress, sequence_rank,
                                     target_application, metadata, created_by, created_at, updated_at)
SELECT 'SD-' || code || '-' || lpad(n::text, 3, '0'),
       format(work, area),
       type,
       (ARRAY['completed', 'in_progress', 'active', 'draft', 'on_hold'])[1 + (a + n) % 5],
       (ARRAY['high', 'medium', 'low', 'critical'])[1 + (a * n) % 4],
       lower(code),
       format(work, area) || ': the part of the plan for ' || area || ' that is delivered as piece ' || n || ' of 4.',
       CASE WHEN n <> 3 THEN 'Asked for in the quarterly review of ' || area END,
       CASE WHEN a % 4 = 0 AND n IN (2, 3) THEN 'SD-' || code || '-001' END,
       jsonb_build_array('Every ' || area || ' incident has an owner', 'Lead time below ' || 2 + n || ' days'),
       jsonb_build_array(jsonb_build_object('measure', 'adoption', 'at_least', 50 + 5 * n)),
       (ARRAY[100, 60, 20, 0, 35])[1 + (a + n) % 5],
       10 * a + n,
       (ARRAY['engineer', 'app'])[1 + a % 2],
       jsonb_build_object('quarter', '2025-Q' || n, 'estimate_days', 5 * n + a),
       (ARRAY['lead', 'plan', 'system'])[1 + (a + n) % 3],
       timestamptz '2025-01-07 08:30:00+00' + (4 * a + n) * interval '4 days 1 hour 7 minutes',
       timestamptz '2025-08-11 10:15:30.250125+00' + (4 * a + n) * interval '1 day 6 hours 41 minutes 3.000717 seconds'
FROM (VALUES
  ( 1, 'AUTH',    'sign-in and sessions'),
  ( 2, 'BILL',    'billing'),
  ( 3, 'COCKPIT', 'the chairman''s cockpit'),
  ( 4, 'DATA',    'the data platform'),
  ( 5, 'EVAL',    'agent evaluation'),
  ( 6, 'FLOW',    'workflow execution'),
  ( 7, 'GOV',     'governance rules'),
  ( 8, 'HOOK',    'outbound integrations'),
  ( 9, 'IDEA',    'idea intake'),
  (10, 'LEO',     'the LEO protocol'),
  (11, 'OBS',     'observability'),
  (12, 'UI',      'the design system')
) AS area (a, code, area)
CROSS JOIN (VALUES
  (1, 'infrastructure', 'Establish %s'),
  (2, 'feature',        'Extend %s'),
  (3, 'quality',        'Harden %s'),
  (4, 'documentation',  'Describe %s')
) AS work (n, type, work);

INSERT INTO strategic_directives_v2 (id, title, sd_type, status, priority, category, description, target_application,
                                     metadata, created_by, created_at, updated_at)
VALUES
  ('SD-TEST-001', 'Test directive: happy path', 'feature', 'draft', 'low', 'test',
   'Walks through every phase of the protocol.', 'engineer', '{"fixture": true}', 'test-suite',
   '2025-02-01 00:00:00+00', '2025-02-01 00:00:00+00'),
  ('SD-TEST-002', 'Test directive: rejected handoff', 'feature', 'cancelled', 'low', 'test',
   'Is refused at the second gate.', 'engineer', '{"fixture": true}', 'test-suite',
   '2025-02-01 00:00:00+00', '2025-02-03 12:00:00+00'),
  ('SD-TEST-003', 'Test directive: long title, umlauts äöüß and a quote''s mark', 'quality', 'draft', 'low', 'test',
   'Guards against lost characters.', 'app', '{"fixture": true, "note": "größer"}', 'test-suite',
   '2025-02-01 00:00:00+00', '2025-02-01 00:00:00+00'),
  ('SD-KOCHEL-001', 'Kochel integration', 'infrastructure', 'in_progress', 'high', 'kochel',
   'Planning crews take over the routine work of a venture''s stages.', 'engineer', '{"adr": "ADR-002"}', 'lead',
   '2025-11-17 09:05:00+00', '2025-12-09 07:58:12.604419+00'),
  ('SD-VISION-TRANSITION-001', 'Vision Transition: adopt the 25-stage venture lifecycle', 'feature', 'draft',
   'critical', 'vision', 'Moves every venture from the old list of stages to 25 stages in 6 phases.', 'engineer',
   '{"source": "vision v2", "requested_by": "chairman", "estimate_days": 40.50, "open_questions": null}', 'lead',
   '2025-11-24 13:30:00+00', '2025-12-03 16:42:07.318204+00');

-- ---------------------------------------------------------------------------------------------------------------------
-- Requirement documents and their interfaces
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO product_requirements_v2 (id, directive_id, title, status, created_at, updated_at)
SELECT 'PRD-' || substr(id, 4), id, 'Requirements: ' || title,
       CASE status WHEN 'completed' THEN 'implemented' WHEN 'draft' THEN 'draft' ELSE 'approved' END,
       created_at + interval '2 days', updated_at
FROM strategic_directives_v2
WHERE sd_type IN ('infrastructure', 'feature') AND sequence_rank IS NOT NULL;

INSERT INTO product_requirements_v2 (id, directive_id, title, status, created_at, updated_at)
VALUES ('KOCHEL-INTEGRATION', 'SD-KOCHEL-001', 'Kochel integration: crews and their contracts', 'approved',
        '2025-12-01 10:00:00+00', '2025-12-09 08:00:00+00');

INSERT INTO leo_interfaces (id, prd_id, name, kind, version, spec, validation_status, validation_errors, created_at)
SELECT md5(prd.id || ' ' || kind)::uuid,
       prd.id,
       lower(substr(prd.id, 5)) || '-' || suffix,
       kind,
       '1.' || length(prd.id) % 4 || '.0',
       jsonb_build_object('title', prd.title, 'kind', kind, 'fields', jsonb_build_array('id', 'status', suffix)),
       CASE WHEN prd.status = 'draft' THEN 'pending' WHEN length(prd.title) % 7 = 0 THEN 'invalid' ELSE 'valid' END,
       CASE WHEN prd.status <> 'draft' AND length(prd.title) % 7 = 0 THEN '["fields: no type given"]'::jsonb
            ELSE '[]'::jsonb END,
       prd.created_at + interval '1 day'
FROM product_requirements_v2 AS prd
CROSS JOIN (VALUES ('openapi', 'api'), ('event', 'changed')) AS interface (kind, suffix)
WHERE prd.id LIKE 'PRD-%';

-- ---------------------------------------------------------------------------------------------------------------------
-- Artifacts: one for each stage a venture has reached, in every third stage a second version that replaces the first
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO venture_artifacts (id, venture_id, lifecycle_stage, artifact_type, title, content, version, is_current,
                               metadata, created_by, created_at, updated_at)
SELECT md5(venture.name || ' ' || stage || ' ' || version)::uuid,
       venture.id,
       stage,
       type,
       venture.name || ': ' || replace(type, '_', ' '),
       CASE WHEN stage % 8 <> 0 THEN format('Findings for %s, stage %s, edition %s', venture.name, stage, version) END,
       version,
       stage % 3 <> 0 OR version = 2,
       jsonb_build_object('words', 200 + 37 * stage * version, 'source', (ARRAY['crew', 'person'])[1 + stage % 2]),
       venture.owner_id,
       venture.created_at + stage * interval '5 days' + version * interval '3 hours',
       venture.created_at + stage * interval '5 days' + version * interval '4 hours 12 minutes'
FROM ventures AS venture
CROSS JOIN LATERAL generate_series(1, venture.current_stage) AS stage
CROSS JOIN LATERAL generate_series(1, CASE WHEN stage % 3 = 0 THEN 2 ELSE 1 END) AS version
CROSS JOIN LATERAL (SELECT (ARRAY[
  'idea_brief', 'interview_notes', 'market_evidence', 'competitor_map', 'unit_economics', 'risk_register',
  'revenue_model', 'canvas', 'stress_test', 'brand_guide', 'launch_channels', 'landing_page', 'architecture',
  'data_model', 'backlog', 'specification', 'workspace', 'increment', 'integration_report', 'load_report',
  'acceptance_report', 'release_notes', 'launch_decision', 'experiment_log', 'portfolio_review'
])[stage] AS type) AS produced;
