-- 013: positioning and campaigns.
--
-- Creates   tables    positioning, message_architecture, campaigns, campaign_quests, campaign_cohorts
--           12 indexes (those of the primary keys aside), 5 policies, 2 triggers
-- Touches   nothing that exists; set_updated_at() and user_workspaces() are used as they are.
-- Runs      in one transaction. Running it again changes nothing.
-- Undone by DROP TABLE in reverse order: indexes, policies, triggers and grants go with their tables.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Tables
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS positioning (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  cohort_id    uuid        REFERENCES cohorts (id) ON DELETE SET NULL,
  strategy_id  uuid        REFERENCES strategies (id) ON DELETE SET NULL,
  category     text        NOT NULL,
  promise      text        NOT NULL,
  proof        jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(proof) = 'array'),
  is_current   boolean     NOT NULL DEFAULT true,
  created_by   uuid        REFERENCES users (id) ON DELETE SET NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS message_architecture (
  id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id   uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  positioning_id uuid        NOT NULL REFERENCES positioning (id) ON DELETE CASCADE,
  persona_id     uuid        REFERENCES personas (id) ON DELETE SET NULL,
  core_message   text        NOT NULL,
  pillars        jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(pillars) = 'array'),
  tone           text        NOT NULL DEFAULT 'plain',
  created_by     uuid        REFERENCES users (id) ON DELETE SET NULL,
  created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS campaigns (
  id                      uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id            uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  positioning_id          uuid        REFERENCES positioning (id) ON DELETE SET NULL,
  message_architecture_id uuid        REFERENCES message_architecture (id) ON DELETE SET NULL,
  goal_id                 uuid        REFERENCES goals (id) ON DELETE SET NULL,
  owner_id                uuid        REFERENCES users (id) ON DELETE SET NULL,
  name                    text        NOT NULL,
  status                  text        NOT NULL DEFAULT 'draft'
    CHECK (status IN ('draft', 'scheduled', 'running', 'paused', 'finished')),
  budget_cents            bigint      NOT NULL DEFAULT 0 CHECK (budget_cents >= 0),
  starts_on               date,
  ends_on                 date,
  created_at              timestamptz NOT NULL DEFAULT now(),
  updated_at              timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT campaigns_end_after_their_start CHECK (ends_on >= starts_on)
);

CREATE TABLE IF NOT EXISTS campaign_quests (
  id           uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  campaign_id  uuid    NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
  quest_id     uuid    REFERENCES quests (id) ON DELETE SET NULL,
  assigned_to  uuid    REFERENCES users (id) ON DELETE SET NULL,
  title        text    NOT NULL,
  status       text    NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'dropped')),
  position     integer NOT NULL DEFAULT 1 CHECK (position > 0)
);

CREATE TABLE IF NOT EXISTS campaign_cohorts (
  campaign_id  uuid    NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
  cohort_id    uuid    NOT NULL REFERENCES cohorts (id) ON DELETE CASCADE,
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  added_by     uuid    REFERENCES users (id) ON DELETE SET NULL,
  priority     integer NOT NULL DEFAULT 1 CHECK (priority BETWEEN 1 AND 5),
  PRIMARY KEY (campaign_id, cohort_id)
);

COMMENT ON TABLE positioning IS 'What a workspace claims to be, to whom, and with what proof';
COMMENT ON TABLE message_architecture IS 'The core message of a positioning and the pillars under it';
COMMENT ON TABLE campaigns IS 'Work with a beginning, an end, a budget and a goal';
COMMENT ON TABLE campaign_quests IS 'What has to be done in a campaign';
COMMENT ON TABLE campaign_cohorts IS 'Whom a campaign speaks to';

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. Indexes: 12. The tables are empty: plain CREATE INDEX keeps nobody waiting.
-- ---------------------------------------------------------------------------------------------------------------------

-- One positioning a workspace and cohort is the current one.
CREATE UNIQUE INDEX IF NOT EXISTS idx_positioning_current
  ON positioning (workspace_id, cohort_id) WHERE is_current;
CREATE INDEX IF NOT EXISTS idx_positioning_workspace            ON positioning (workspace_id, created_at);
CREATE INDEX IF NOT EXISTS idx_positioning_strategy             ON positioning (strategy_id);
CREATE INDEX IF NOT EXISTS idx_message_architecture_workspace   ON message_architecture (workspace_id);
CREATE INDEX IF NOT EXISTS idx_message_architecture_positioning ON message_architecture (positioning_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_workspace              ON campaigns (workspace_id, status);
CREATE INDEX IF NOT EXISTS idx_campaigns_goal                   ON campaigns (goal_id);
CREATE INDEX IF NOT EXISTS idx_campaigns_running
  ON campaigns (ends_on) WHERE status = 'running';
CREATE INDEX IF NOT EXISTS idx_campaign_quests_campaign         ON campaign_quests (campaign_id, position);
CREATE INDEX IF NOT EXISTS idx_campaign_quests_workspace        ON campaign_quests (workspace_id, status);
CREATE INDEX IF NOT EXISTS idx_campaign_cohorts_cohort          ON campaign_cohorts (cohort_id);
CREATE INDEX IF NOT EXISTS idx_campaign_cohorts_workspace       ON campaign_cohorts (workspace_id);

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Triggers: 2. On INSERT as well, so that a copied row doesn't bring its old stamp along.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE TRIGGER trg_positioning_updated_at BEFORE INSERT OR UPDATE ON positioning
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER trg_campaigns_updated_at BEFORE INSERT OR UPDATE ON campaigns
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- ---------------------------------------------------------------------------------------------------------------------
-- 4. Row security: 5 policies. USING without WITH CHECK holds for what is written, too.
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE positioning          ENABLE ROW LEVEL SECURITY;
ALTER TABLE message_architecture ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaigns            ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaign_quests      ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaign_cohorts     ENABLE ROW LEVEL SECURITY;

-- CREATE POLICY knows no IF NOT EXISTS; dropped and made again, the result of a second run is the same.
DROP POLICY IF EXISTS positioning_members ON positioning;
CREATE POLICY positioning_members ON positioning
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS message_architecture_members ON message_architecture;
CREATE POLICY message_architecture_members ON message_architecture
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS campaigns_members ON campaigns;
CREATE POLICY campaigns_members ON campaigns
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS campaign_quests_members ON campaign_quests;
CREATE POLICY campaign_quests_members ON campaign_quests
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS campaign_cohorts_members ON campaign_cohorts;
CREATE POLICY campaign_cohorts_members ON campaign_cohorts
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));

GRANT SELECT, INSERT, UPDATE, DELETE
  ON positioning, message_architecture, campaigns, campaign_quests, campaign_cohorts TO authenticated, service_role;
