-- 015: agent registry.
--
-- Creates   tables    agent_registry, agent_capabilities, agent_assignments, agent_performance
--           function  record_agent_execution
--           15 indexes (those of the primary keys aside), 4 policies
-- Touches   nothing that exists.
-- Runs      in one transaction. Running it again changes nothing. Needs 013 (campaigns).
-- Undone by DROP TABLE in reverse order, and DROP FUNCTION.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Tables
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS agent_registry (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  owner_id     uuid        REFERENCES users (id) ON DELETE SET NULL,
  name         text        NOT NULL,
  kind         text        NOT NULL DEFAULT 'writer' CHECK (kind IN ('writer', 'analyst', 'planner', 'watcher')),
  status       text        NOT NULL DEFAULT 'idle' CHECK (status IN ('idle', 'working', 'failing', 'retired')),
  config       jsonb       NOT NULL DEFAULT '{}',
  last_run_at  timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS agent_capabilities (
  id           uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  agent_id     uuid    NOT NULL REFERENCES agent_registry (id) ON DELETE CASCADE,
  channel_id   uuid    REFERENCES channels (id) ON DELETE SET NULL,
  capability   text    NOT NULL,
  level        integer NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 5)
);

CREATE TABLE IF NOT EXISTS agent_assignments (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  agent_id     uuid        NOT NULL REFERENCES agent_registry (id) ON DELETE CASCADE,
  campaign_id  uuid        REFERENCES campaigns (id) ON DELETE CASCADE,
  assigned_by  uuid        REFERENCES users (id) ON DELETE SET NULL,
  task         text        NOT NULL,
  status       text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'cancelled')),
  due_at       timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS agent_performance (
  id            uuid   PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id  uuid   NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  agent_id      uuid   NOT NULL REFERENCES agent_registry (id) ON DELETE CASCADE,
  assignment_id uuid   REFERENCES agent_assignments (id) ON DELETE SET NULL,
  day           date   NOT NULL,
  executions    bigint NOT NULL DEFAULT 0,
  failures      bigint NOT NULL DEFAULT 0,
  total_ms      bigint NOT NULL DEFAULT 0 CHECK (total_ms >= 0),
  CONSTRAINT agent_performance_no_more_failures_than_runs CHECK (failures BETWEEN 0 AND executions)
);

COMMENT ON TABLE agent_registry IS 'The agents that work for a workspace';
COMMENT ON TABLE agent_capabilities IS 'What an agent can do, where, and how well';
COMMENT ON TABLE agent_assignments IS 'What an agent was given to do';
COMMENT ON TABLE agent_performance IS 'What an agent did, a row a day';

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. Indexes: 15
-- ---------------------------------------------------------------------------------------------------------------------

CREATE UNIQUE INDEX IF NOT EXISTS idx_agent_registry_name       ON agent_registry (workspace_id, lower(name));
CREATE INDEX IF NOT EXISTS idx_agent_registry_status            ON agent_registry (workspace_id, status);
CREATE INDEX IF NOT EXISTS idx_agent_registry_owner             ON agent_registry (owner_id);
CREATE INDEX IF NOT EXISTS idx_agent_registry_last_run          ON agent_registry (last_run_at);
CREATE UNIQUE INDEX IF NOT EXISTS idx_agent_capabilities_once
  ON agent_capabilities (agent_id, capability, channel_id);
CREATE INDEX IF NOT EXISTS idx_agent_capabilities_workspace     ON agent_capabilities (workspace_id, capability);
CREATE INDEX IF NOT EXISTS idx_agent_capabilities_channel       ON agent_capabilities (channel_id);
CREATE INDEX IF NOT EXISTS idx_agent_assignments_agent          ON agent_assignments (agent_id, status);
CREATE INDEX IF NOT EXISTS idx_agent_assignments_workspace      ON agent_assignments (workspace_id);
CREATE INDEX IF NOT EXISTS idx_agent_assignments_campaign       ON agent_assignments (campaign_id);
CREATE INDEX IF NOT EXISTS idx_agent_assignments_due
  ON agent_assignments (due_at) WHERE status = 'open';
-- What record_agent_execution counts into.
CREATE UNIQUE INDEX IF NOT EXISTS idx_agent_performance_day     ON agent_performance (agent_id, day);
CREATE INDEX IF NOT EXISTS idx_agent_performance_workspace      ON agent_performance (workspace_id, day);
CREATE INDEX IF NOT EXISTS idx_agent_performance_assignment     ON agent_performance (assignment_id);
CREATE INDEX IF NOT EXISTS idx_agent_performance_failing
  ON agent_performance (day) WHERE failures > 0;

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Function: 1
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION record_agent_execution(
  p_agent_id uuid, p_succeeded boolean, p_duration_ms integer, p_at timestamptz DEFAULT now()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  workspace uuid;
  so_far    bigint;
BEGIN
  UPDATE agent_registry
  SET last_run_at = greatest(last_run_at, p_at), status = CASE WHEN p_succeeded THEN 'idle' ELSE 'failing' END
  WHERE id = p_agent_id
  RETURNING workspace_id INTO workspace;
  IF workspace IS NULL THEN
    RAISE EXCEPTION 'there is no agent %', p_agent_id USING ERRCODE = 'no_data_found';
  END IF;

  INSERT INTO agent_performance AS performance (workspace_id, agent_id, day, executions, failures, total_ms)
  VALUES (workspace, p_agent_id, (p_at AT TIME ZONE 'UTC')::date, 1, (NOT p_succeeded)::integer, p_duration_ms)
  ON CONFLICT (agent_id, day) DO UPDATE
    SET executions = performance.executions + 1,
        failures   = performance.failures + EXCLUDED.failures,
        total_ms   = performance.total_ms + EXCLUDED.total_ms
  RETURNING executions INTO so_far;
  RETURN so_far;
END;
$$;

COMMENT ON FUNCTION record_agent_execution(uuid, boolean, integer, timestamptz) IS
  'Counts one run of an agent; how many there were on that day (UTC)';

-- ---------------------------------------------------------------------------------------------------------------------
-- 4. Row security: 4 policies
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE agent_registry     ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_capabilities ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_assignments  ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_performance  ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS agent_registry_members ON agent_registry;
CREATE POLICY agent_registry_members ON agent_registry
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS agent_capabilities_members ON agent_capabilities;
CREATE POLICY agent_capabilities_members ON agent_capabilities
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS agent_assignments_members ON agent_assignments;
CREATE POLICY agent_assignments_members ON agent_assignments
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS agent_performance_members ON agent_performance;
CREATE POLICY agent_performance_members ON agent_performance
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));

GRANT SELECT, INSERT, UPDATE, DELETE
  ON agent_registry, agent_capabilities, agent_assignments, agent_performance TO authenticated, service_role;
