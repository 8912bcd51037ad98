-- 016: intelligence system.
--
-- Creates   tables    market_insights, intelligence_signals
--           functions create_insight_from_signals, get_active_insights, get_priority_signals
--           10 indexes (those of the primary keys aside), 2 policies
-- Touches   nothing that exists.
-- Runs      in one transaction. Running it again changes nothing. Needs 013 (campaigns) and 015 (agent_registry).
-- Undone by DROP TABLE in reverse order, and DROP FUNCTION.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Tables
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS market_insights (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  campaign_id  uuid        REFERENCES campaigns (id) ON DELETE SET NULL,
  created_by   uuid        REFERENCES users (id) ON DELETE SET NULL,
  title        text        NOT NULL,
  summary      text        NOT NULL DEFAULT '',
  confidence   numeric     NOT NULL CHECK (confidence BETWEEN 0 AND 1),
  signal_count integer     NOT NULL CHECK (signal_count >= 0),
  status       text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'used', 'dismissed')),
  expires_at   timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS intelligence_signals (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  agent_id     uuid        REFERENCES agent_registry (id) ON DELETE SET NULL,
  cohort_id    uuid        REFERENCES cohorts (id) ON DELETE SET NULL,
  insight_id   uuid        REFERENCES market_insights (id) ON DELETE SET NULL,
  title        text        NOT NULL,
  source       text        NOT NULL DEFAULT 'manual',
  priority     integer     NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
  confidence   numeric     NOT NULL DEFAULT 0.5 CHECK (confidence BETWEEN 0 AND 1),
  detected_at  timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE market_insights IS 'What several signals together mean';
COMMENT ON TABLE intelligence_signals IS 'Something that was noticed; insight_id says what was made of it';
COMMENT ON COLUMN intelligence_signals.priority IS '1 is the most urgent';

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. Indexes: 10
-- ---------------------------------------------------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_market_insights_workspace         ON market_insights (workspace_id, created_at);
CREATE INDEX IF NOT EXISTS idx_market_insights_active
  ON market_insights (workspace_id, confidence DESC) WHERE status = 'active';
CREATE INDEX IF NOT EXISTS idx_market_insights_campaign          ON market_insights (campaign_id);
CREATE INDEX IF NOT EXISTS idx_market_insights_expiry
  ON market_insights (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_intelligence_signals_workspace    ON intelligence_signals (workspace_id, detected_at);
-- What get_priority_signals reads.
CREATE INDEX IF NOT EXISTS idx_intelligence_signals_open
  ON intelligence_signals (workspace_id, priority, detected_at) WHERE insight_id IS NULL;
CREATE INDEX IF NOT EXISTS idx_intelligence_signals_agent        ON intelligence_signals (agent_id);
CREATE INDEX IF NOT EXISTS idx_intelligence_signals_cohort       ON intelligence_signals (cohort_id);
CREATE INDEX IF NOT EXISTS idx_intelligence_signals_insight      ON intelligence_signals (insight_id);
CREATE INDEX IF NOT EXISTS idx_intelligence_signals_source       ON intelligence_signals (source, detected_at);

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Functions: 3
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION create_insight_from_signals(
  p_workspace_id uuid, p_signal_ids uuid[], p_title text
) RETURNS uuid
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  usable  integer;
  average numeric;
  made    uuid;
BEGIN
  -- Locked, so that two calls at once can't make two insights of one signal.
  SELECT count(*), avg(confidence) INTO usable, average
  FROM (
    SELECT confidence FROM intelligence_signals
    WHERE id = ANY (p_signal_ids) AND workspace_id = p_workspace_id AND insight_id IS NULL
    FOR UPDATE
  ) AS signal;
  IF usable < coalesce(cardinality(p_signal_ids), 0) OR usable = 0 THEN
    RAISE EXCEPTION '% of % signals are there, of this workspace and not used yet',
      usable, coalesce(cardinality(p_signal_ids), 0) USING ERRCODE = 'no_data_found';
  END IF;

  INSERT INTO market_insights (workspace_id, title, confidence, signal_count, created_by)
  VALUES (p_workspace_id, p_title, round(average, 3), usable, auth.uid())
  RETURNING id INTO made;
  UPDATE intelligence_signals SET insight_id = made WHERE id = ANY (p_signal_ids);
  RETURN made;
END;
$$;

CREATE OR REPLACE FUNCTION get_active_insights(p_workspace_id uuid)
RETURNS TABLE (id uuid, title text, confidence numeric, signal_count integer)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT insight.id, insight.title, insight.confidence, insight.signal_count
  FROM market_insights AS insight
  WHERE insight.workspace_id = p_workspace_id AND insight.status = 'active'
    AND (insight.expires_at IS NULL OR insight.expires_at > now())
  ORDER BY insight.confidence DESC, insight.created_at DESC;
$$;

CREATE OR REPLACE FUNCTION get_priority_signals(p_workspace_id uuid, p_up_to integer DEFAULT 2)
RETURNS TABLE (id uuid, title text, priority integer, detected_at timestamptz)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT signal.id, signal.title, signal.priority, signal.detected_at
  FROM intelligence_signals AS signal
  WHERE signal.workspace_id = p_workspace_id AND signal.insight_id IS NULL AND signal.priority <= p_up_to
  ORDER BY signal.priority, signal.detected_at;
$$;

COMMENT ON FUNCTION create_insight_from_signals(uuid, uuid[], text) IS 'Makes one insight of several unused signals';
COMMENT ON FUNCTION get_active_insights(uuid) IS 'Insights that are neither used nor expired, the surest first';
COMMENT ON FUNCTION get_priority_signals(uuid, integer) IS 'Unused signals up to a priority, the most urgent first';

-- ---------------------------------------------------------------------------------------------------------------------
-- 4. Row security: 2 policies
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE market_insights      ENABLE ROW LEVEL SECURITY;
ALTER TABLE intelligence_signals ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS market_insights_members ON market_insights;
CREATE POLICY market_insights_members ON market_insights
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS intelligence_signals_members ON intelligence_signals;
CREATE POLICY intelligence_signals_members ON intelligence_signals
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));

GRANT SELECT, INSERT, UPDATE, DELETE ON market_insights, intelligence_signals TO authenticated, service_role;
