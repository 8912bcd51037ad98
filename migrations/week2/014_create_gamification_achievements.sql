-- 014: gamification and achievements.
--
-- Creates   tables    achievements, user_achievements, user_stats
--           functions calculate_move_success_rate, update_experience_level, unlock_achievement
--           10 indexes (those of the primary keys aside), 5 policies
-- Touches   nothing that exists.
-- Runs      in one transaction. Running it again changes nothing.
-- Undone by DROP TABLE in reverse order, and DROP FUNCTION.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Tables
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS achievements (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Null: everybody can earn it.
  workspace_id uuid        REFERENCES workspaces (id) ON DELETE CASCADE,
  code         text        NOT NULL,
  title        text        NOT NULL,
  description  text        NOT NULL DEFAULT '',
  points       integer     NOT NULL CHECK (points > 0),
  created_by   uuid        REFERENCES users (id) ON DELETE SET NULL,
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_achievements (
  id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id   uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id        uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  achievement_id uuid        NOT NULL REFERENCES achievements (id) ON DELETE CASCADE,
  move_id        uuid        REFERENCES moves (id) ON DELETE SET NULL,
  unlocked_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_stats (
  workspace_id        uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id             uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  experience          integer     NOT NULL DEFAULT 0 CHECK (experience >= 0),
  level               integer     NOT NULL DEFAULT 1 CHECK (level >= 1),
  unlocked            integer     NOT NULL DEFAULT 0 CHECK (unlocked >= 0),
  last_achievement_id uuid        REFERENCES achievements (id) ON DELETE SET NULL,
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, user_id)
);

COMMENT ON TABLE achievements IS 'What can be earned, and how many points it is worth';
COMMENT ON TABLE user_achievements IS 'Who has earned what, and by which move';
COMMENT ON TABLE user_stats IS 'A user''s points and level in a workspace';

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. Indexes: 10
-- ---------------------------------------------------------------------------------------------------------------------

-- A code is unique in its workspace, and among those for everybody: two indexes, since nulls never collide.
CREATE UNIQUE INDEX IF NOT EXISTS idx_achievements_code_workspace
  ON achievements (workspace_id, code) WHERE workspace_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS idx_achievements_code_everybody
  ON achievements (code) WHERE workspace_id IS NULL;
CREATE INDEX IF NOT EXISTS idx_achievements_points               ON achievements (points);
-- What makes unlock_achievement safe to call twice, also at the same time.
CREATE UNIQUE INDEX IF NOT EXISTS idx_user_achievements_once
  ON user_achievements (workspace_id, user_id, achievement_id);
CREATE INDEX IF NOT EXISTS idx_user_achievements_user            ON user_achievements (user_id, unlocked_at);
CREATE INDEX IF NOT EXISTS idx_user_achievements_achievement     ON user_achievements (achievement_id);
CREATE INDEX IF NOT EXISTS idx_user_achievements_move            ON user_achievements (move_id);
CREATE INDEX IF NOT EXISTS idx_user_stats_user                   ON user_stats (user_id);
CREATE INDEX IF NOT EXISTS idx_user_stats_ranking                ON user_stats (workspace_id, experience DESC);
CREATE INDEX IF NOT EXISTS idx_user_stats_level                  ON user_stats (workspace_id, level);

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Functions: 3. They run with the caller's rights; the fixed search_path keeps them off another schema's tables.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION calculate_move_success_rate(p_workspace_id uuid) RETURNS numeric
LANGUAGE sql STABLE
SET search_path = public
AS $$
  -- Results that are still open say nothing yet; without any that is decided there is no rate.
  SELECT round(100.0 * count(*) FILTER (WHERE result.outcome = 'hit') / nullif(count(*), 0), 1)
  FROM move_results AS result
  JOIN moves AS move ON move.id = result.move_id
  WHERE move.workspace_id = p_workspace_id AND result.outcome IN ('hit', 'miss');
$$;

CREATE OR REPLACE FUNCTION update_experience_level(p_workspace_id uuid, p_user_id uuid) RETURNS integer
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  earned    integer;
  how_many  integer;
  new_level integer;
BEGIN
  -- Counted anew and not added up, so that calling it again can't count anything twice.
  SELECT coalesce(sum(achievement.points), 0), count(*) INTO earned, how_many
  FROM user_achievements AS unlocked
  JOIN achievements AS achievement ON achievement.id = unlocked.achievement_id
  WHERE unlocked.workspace_id = p_workspace_id AND unlocked.user_id = p_user_id;

  -- Level 2 takes 100 points, 3 takes 400, 4 takes 900: each is further than the last.
  new_level := 1 + floor(sqrt(earned / 100.0))::integer;

  INSERT INTO user_stats AS stats (workspace_id, user_id, experience, level, unlocked)
  VALUES (p_workspace_id, p_user_id, earned, new_level, how_many)
  ON CONFLICT (workspace_id, user_id) DO UPDATE
    SET experience = EXCLUDED.experience, level = EXCLUDED.level, unlocked = EXCLUDED.unlocked, updated_at = now()
    WHERE (stats.experience, stats.level, stats.unlocked)
      IS DISTINCT FROM (EXCLUDED.experience, EXCLUDED.level, EXCLUDED.unlocked);
  RETURN new_level;
END;
$$;

CREATE OR REPLACE FUNCTION unlock_achievement(
  p_workspace_id uuid, p_user_id uuid, p_code text, p_move_id uuid DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  wanted uuid;
BEGIN
  -- A workspace's own achievement goes before one that is for everybody.
  SELECT id INTO wanted FROM achievements
  WHERE code = p_code AND (workspace_id = p_workspace_id OR workspace_id IS NULL)
  ORDER BY workspace_id NULLS LAST LIMIT 1;
  IF wanted IS NULL THEN
    RAISE EXCEPTION 'there is no achievement %', p_code USING ERRCODE = 'no_data_found';
  END IF;

  INSERT INTO user_achievements (workspace_id, user_id, achievement_id, move_id)
  VALUES (p_workspace_id, p_user_id, wanted, p_move_id)
  ON CONFLICT (workspace_id, user_id, achievement_id) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;

  PERFORM update_experience_level(p_workspace_id, p_user_id);
  UPDATE user_stats SET last_achievement_id = wanted WHERE workspace_id = p_workspace_id AND user_id = p_user_id;
  RETURN true;
END;
$$;

COMMENT ON FUNCTION calculate_move_success_rate(uuid) IS 'Hits among the decided results of a workspace, in percent';
COMMENT ON FUNCTION update_experience_level(uuid, uuid) IS 'Counts a user''s points anew; the level that they make';
COMMENT ON FUNCTION unlock_achievement(uuid, uuid, text, uuid) IS 'True when it is new, false when the user had it';

-- ---------------------------------------------------------------------------------------------------------------------
-- 4. Row security: 5 policies
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE achievements      ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_achievements ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_stats        ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS achievements_everybody ON achievements;
CREATE POLICY achievements_everybody ON achievements FOR SELECT
  TO authenticated USING (workspace_id IS NULL);
DROP POLICY IF EXISTS achievements_members ON achievements;
CREATE POLICY achievements_members ON achievements
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS user_achievements_members ON user_achievements;
CREATE POLICY user_achievements_members ON user_achievements FOR SELECT
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
-- Everybody earns for themselves alone.
DROP POLICY IF EXISTS user_achievements_own ON user_achievements;
CREATE POLICY user_achievements_own ON user_achievements FOR INSERT
  TO authenticated WITH CHECK (user_id = auth.uid() AND workspace_id IN (SELECT user_workspaces()));
DROP POLICY IF EXISTS user_stats_members ON user_stats;
CREATE POLICY user_stats_members ON user_stats
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()))
  WITH CHECK (user_id = auth.uid() AND workspace_id IN (SELECT user_workspaces()));

GRANT SELECT, INSERT, UPDATE, DELETE ON achievements, user_achievements, user_stats TO authenticated, service_role;
