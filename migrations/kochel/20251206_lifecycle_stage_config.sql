-- Lifecycle stage configuration: the 25 stages of a venture's life, their 6 phases and 3 advisory checkpoints.
--
-- Creates   tables     lifecycle_phases, lifecycle_stage_config, advisory_checkpoints
--           functions  get_stage_info, get_sd_required_stages, get_stages_by_phase
-- Touches   nothing that exists.
-- Runs      in one transaction. Running it again changes nothing: every row has a natural key to conflict with.
-- Undone by 20251206_lifecycle_stage_config_rollback.sql

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Tables
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS lifecycle_phases (
  phase_number integer PRIMARY KEY CHECK (phase_number BETWEEN 1 AND 6),
  phase_name   text    NOT NULL UNIQUE,
  purpose      text    NOT NULL,
  -- The target of the stages' foreign key, which carries the name as well.
  CONSTRAINT lifecycle_phases_number_and_name UNIQUE (phase_number, phase_name)
);

CREATE TABLE IF NOT EXISTS lifecycle_stage_config (
  stage_number     integer PRIMARY KEY CHECK (stage_number BETWEEN 1 AND 25),
  stage_name       text    NOT NULL UNIQUE,
  phase_number     integer NOT NULL,
  phase_name       text    NOT NULL,
  work_type        text    NOT NULL
    CHECK (work_type IN ('artifact_only', 'automated_check', 'decision_gate', 'sd_required')),
  sd_required      boolean NOT NULL DEFAULT false,
  advisory_enabled boolean NOT NULL DEFAULT false,
  output_artifact  text    NOT NULL,
  description      text    NOT NULL,
  -- The name is repeated so that readers need no join; with the number in one key it can't drift.
  CONSTRAINT lifecycle_stage_config_phase FOREIGN KEY (phase_number, phase_name)
    REFERENCES lifecycle_phases (phase_number, phase_name) ON UPDATE CASCADE,
  -- Two columns that say the same must not be able to disagree.
  CONSTRAINT lifecycle_stage_config_sd_required_agrees CHECK (sd_required = (work_type = 'sd_required'))
);

CREATE TABLE IF NOT EXISTS advisory_checkpoints (
  stage_number integer PRIMARY KEY REFERENCES lifecycle_stage_config (stage_number),
  name         text    NOT NULL UNIQUE,
  question     text    NOT NULL,
  options      text[]  NOT NULL CHECK (cardinality(options) >= 2)
);

COMMENT ON TABLE lifecycle_phases IS 'The phases a venture passes through, in order';
COMMENT ON TABLE lifecycle_stage_config IS 'The stages of the venture lifecycle and the kind of work each asks for';
COMMENT ON TABLE advisory_checkpoints IS 'Stages at which the chairman is asked for advice before work goes on';
COMMENT ON COLUMN lifecycle_stage_config.work_type IS
  'artifact_only: a document; automated_check: a machine decides; decision_gate: a person decides; '
  'sd_required: the work runs under a strategic directive';
COMMENT ON COLUMN lifecycle_stage_config.advisory_enabled IS
  'True for exactly the stages with a row in advisory_checkpoints';

-- Empty tables: plain CREATE INDEX keeps nobody waiting.
CREATE INDEX IF NOT EXISTS idx_lifecycle_stage_config_phase
  ON lifecycle_stage_config (phase_number, stage_number);
CREATE INDEX IF NOT EXISTS idx_lifecycle_stage_config_sd_required
  ON lifecycle_stage_config (stage_number) WHERE sd_required;

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. Configuration. ON CONFLICT DO NOTHING is safe here because each key is a real one, not a generated id.
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO lifecycle_phases (phase_number, phase_name, purpose) VALUES
  (1, 'THE TRUTH',      'Find out whether the problem is real and worth money'),
  (2, 'THE ENGINE',     'Design how the venture earns and what could break it'),
  (3, 'THE IDENTITY',   'Give it a name, a voice and a first audience'),
  (4, 'THE BLUEPRINT',  'Decide what is built, down to the specification'),
  (5, 'THE BUILD LOOP', 'Build it, piece by piece, and prove that it holds'),
  (6, 'LAUNCH & LEARN', 'Put it before customers and act on what they do')
ON CONFLICT (phase_number) DO NOTHING;

INSERT INTO lifecycle_stage_config
  (stage_number, stage_name, phase_number, phase_name, work_type, sd_required, advisory_enabled, output_artifact,
   description)
VALUES
  ( 1, 'Idea Intake',            1, 'THE TRUTH',      'artifact_only',   false, false, 'idea_brief',
   'Write the idea down so that a stranger understands it'),
  ( 2, 'Problem Interviews',     1, 'THE TRUTH',      'artifact_only',   false, false, 'interview_notes',
   'Hear from people who have the problem'),
  ( 3, 'Market Proof',           1, 'THE TRUTH',      'decision_gate',   false, true,  'market_evidence',
   'Decide whether the demand that was found carries a business'),
  ( 4, 'Competitor Map',         1, 'THE TRUTH',      'artifact_only',   false, false, 'competitor_map',
   'Know who else solves it, and how'),
  ( 5, 'Unit Economics',         1, 'THE TRUTH',      'decision_gate',   false, true,  'unit_economics',
   'Decide whether one customer earns more than it costs'),
  ( 6, 'Risk Register',          2, 'THE ENGINE',     'artifact_only',   false, false, 'risk_register',
   'List what could end the venture, and the answer to each'),
  ( 7, 'Revenue Model',          2, 'THE ENGINE',     'artifact_only',   false, false, 'revenue_model',
   'Choose what is charged, to whom, and when'),
  ( 8, 'Business Canvas',        2, 'THE ENGINE',     'artifact_only',   false, false, 'canvas',
   'Put partners, costs and channels on one page'),
  ( 9, 'Model Stress Test',      2, 'THE ENGINE',     'automated_check', false, false, 'stress_test',
   'Run the model through bad quarters; the thresholds decide'),
  (10, 'Name and Brand',         3, 'THE IDENTITY',   'sd_required',     true,  false, 'brand_guide',
   'Name, marks and voice, with the registrations behind them'),
  (11, 'Launch Channels',        3, 'THE IDENTITY',   'artifact_only',   false, false, 'launch_channels',
   'Choose where the first customers come from'),
  (12, 'Landing Page',           3, 'THE IDENTITY',   'sd_required',     true,  false, 'landing_page',
   'A page that collects the first interested people'),
  (13, 'Architecture',           4, 'THE BLUEPRINT',  'sd_required',     true,  false, 'architecture',
   'Parts, boundaries and what runs where'),
  (14, 'Data Model',             4, 'THE BLUEPRINT',  'sd_required',     true,  false, 'data_model',
   'Entities, ownership and retention'),
  (15, 'Backlog',                4, 'THE BLUEPRINT',  'sd_required',     true,  false, 'backlog',
   'Epics and stories in the order they pay off'),
  (16, 'Specification Freeze',   4, 'THE BLUEPRINT',  'decision_gate',   false, true,  'specification',
   'Decide that the specification is good enough to build from'),
  (17, 'Workspace',              5, 'THE BUILD LOOP', 'sd_required',     true,  false, 'workspace',
   'Repository, environments and pipeline'),
  (18, 'Feature Sprints',        5, 'THE BUILD LOOP', 'sd_required',     true,  false, 'increment',
   'Build the stories, each finished before the next begins'),
  (19, 'Integration',            5, 'THE BUILD LOOP', 'sd_required',     true,  false, 'integration_report',
   'Join the parts and the services they rely on'),
  (20, 'Security and Load',      5, 'THE BUILD LOOP', 'automated_check', false, false, 'load_report',
   'Scans and load runs; the thresholds decide'),
  (21, 'Acceptance',             6, 'LAUNCH & LEARN', 'sd_required',     true,  false, 'acceptance_report',
   'Let pilot customers use it for real work'),
  (22, 'Release',                6, 'LAUNCH & LEARN', 'sd_required',     true,  false, 'release_notes',
   'Bring it to production with a way back'),
  (23, 'Public Launch',          6, 'LAUNCH & LEARN', 'decision_gate',   false, false, 'launch_decision',
   'Decide on the day and the audience'),
  (24, 'Growth Experiments',     6, 'LAUNCH & LEARN', 'sd_required',     true,  false, 'experiment_log',
   'Change one thing at a time and measure'),
  (25, 'Portfolio Review',       6, 'LAUNCH & LEARN', 'sd_required',     true,  false, 'portfolio_review',
   'Grow it, keep it, sell it or close it')
ON CONFLICT (stage_number) DO NOTHING;

INSERT INTO advisory_checkpoints (stage_number, name, question, options) VALUES
  ( 3, 'Is the demand real?',        'Does the evidence justify spending on a business model?',
   ARRAY['go on', 'look again', 'stop']),
  ( 5, 'Does one customer pay off?', 'Do the unit economics hold with the pessimistic figures?',
   ARRAY['go on', 'change the price', 'stop']),
  (16, 'May it be built?',           'Is the specification complete enough to commit the build budget?',
   ARRAY['build', 'revise'])
ON CONFLICT (stage_number) DO NOTHING;

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Functions. They run with the caller's rights; the fixed search_path keeps them off another schema's tables.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION get_stage_info(p_stage_number integer)
RETURNS TABLE (
  stage_number integer, stage_name text, phase_number integer, phase_name text, work_type text,
  sd_required boolean, advisory_enabled boolean, advisory_question text
)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT stage.stage_number, stage.stage_name, stage.phase_number, stage.phase_name, stage.work_type,
         stage.sd_required, stage.advisory_enabled, advisory.question
  FROM lifecycle_stage_config AS stage
  LEFT JOIN advisory_checkpoints AS advisory ON advisory.stage_number = stage.stage_number
  WHERE stage.stage_number = p_stage_number;
$$;

CREATE OR REPLACE FUNCTION get_sd_required_stages()
RETURNS TABLE (stage_number integer, stage_name text, phase_name text)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT stage.stage_number, stage.stage_name, stage.phase_name
  FROM lifecycle_stage_config AS stage
  WHERE stage.sd_required
  ORDER BY stage.stage_number;
$$;

CREATE OR REPLACE FUNCTION get_stages_by_phase(p_phase_number integer)
RETURNS TABLE (stage_number integer, stage_name text, work_type text, sd_required boolean)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT stage.stage_number, stage.stage_name, stage.work_type, stage.sd_required
  FROM lifecycle_stage_config AS stage
  WHERE stage.phase_number = p_phase_number
  ORDER BY stage.stage_number;
$$;

COMMENT ON FUNCTION get_stage_info(integer) IS
  'One stage with its phase and, where there is one, its advisory question';
COMMENT ON FUNCTION get_sd_required_stages() IS 'The stages whose work runs under a strategic directive';
COMMENT ON FUNCTION get_stages_by_phase(integer) IS 'The stages of one phase, in order';

-- ---------------------------------------------------------------------------------------------------------------------
-- 4. Row security: everybody may read the configuration, the service role alone may change it
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE lifecycle_phases       ENABLE ROW LEVEL SECURITY;
ALTER TABLE lifecycle_stage_config ENABLE ROW LEVEL SECURITY;
ALTER TABLE advisory_checkpoints   ENABLE ROW LEVEL SECURITY;

-- CREATE POLICY knows no IF NOT EXISTS; dropped and made again, the result of a second run is the same.
DROP POLICY IF EXISTS lifecycle_phases_read ON lifecycle_phases;
CREATE POLICY lifecycle_phases_read ON lifecycle_phases
  FOR SELECT USING (true);
DROP POLICY IF EXISTS lifecycle_phases_service ON lifecycle_phases;
CREATE POLICY lifecycle_phases_service ON lifecycle_phases
  USING (current_setting('request.jwt.claim.role', true) = 'service_role');

DROP POLICY IF EXISTS lifecycle_stage_config_read ON lifecycle_stage_config;
CREATE POLICY lifecycle_stage_config_read ON lifecycle_stage_config
  FOR SELECT USING (true);
DROP POLICY IF EXISTS lifecycle_stage_config_service ON lifecycle_stage_config;
CREATE POLICY lifecycle_stage_config_service ON lifecycle_stage_config
  USING (current_setting('request.jwt.claim.role', true) = 'service_role');

DROP POLICY IF EXISTS advisory_checkpoints_read ON advisory_checkpoints;
CREATE POLICY advisory_checkpoints_read ON advisory_checkpoints
  FOR SELECT USING (true);
DROP POLICY IF EXISTS advisory_checkpoints_service ON advisory_checkpoints;
CREATE POLICY advisory_checkpoints_service ON advisory_checkpoints
  USING (current_setting('request.jwt.claim.role', true) = 'service_role');
