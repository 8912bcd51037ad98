-- 017: alerts and notifications.
--
-- Creates   tables    system_alerts, user_notifications
--           functions create_system_alert, send_user_notification, acknowledge_alert, mark_notification_as_read,
--                     get_user_unread_notifications
--           12 indexes (those of the primary keys aside), 4 policies
-- Touches   nothing that exists.
-- Runs      in one transaction. Running it again changes nothing. Needs 016 (intelligence_signals).
-- Undone by DROP TABLE in reverse order, and DROP FUNCTION.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Tables
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS system_alerts (
  id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id    uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  signal_id       uuid        REFERENCES intelligence_signals (id) ON DELETE SET NULL,
  severity        text        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  title           text        NOT NULL,
  body            text        NOT NULL DEFAULT '',
  acknowledged_by uuid        REFERENCES users (id) ON DELETE SET NULL,
  acknowledged_at timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_notifications (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  alert_id     uuid        REFERENCES system_alerts (id) ON DELETE CASCADE,
  body         text        NOT NULL,
  is_read      boolean     NOT NULL DEFAULT false,
  read_at      timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT user_notifications_read_has_its_time CHECK (is_read = (read_at IS NOT NULL))
);

COMMENT ON TABLE system_alerts IS 'Something that a workspace has to know';
COMMENT ON TABLE user_notifications IS 'What one user is told';

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. Indexes: 12
-- ---------------------------------------------------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_system_alerts_workspace         ON system_alerts (workspace_id, created_at);
CREATE INDEX IF NOT EXISTS idx_system_alerts_open
  ON system_alerts (workspace_id, severity) WHERE acknowledged_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_system_alerts_signal            ON system_alerts (signal_id);
CREATE INDEX IF NOT EXISTS idx_system_alerts_acknowledged_by   ON system_alerts (acknowledged_by);
CREATE INDEX IF NOT EXISTS idx_system_alerts_severity          ON system_alerts (severity, created_at);
CREATE INDEX IF NOT EXISTS idx_system_alerts_created           ON system_alerts (created_at);
CREATE INDEX IF NOT EXISTS idx_user_notifications_user         ON user_notifications (user_id, created_at);
-- What get_user_unread_notifications reads.
CREATE INDEX IF NOT EXISTS idx_user_notifications_unread
  ON user_notifications (user_id, created_at) WHERE NOT is_read;
CREATE INDEX IF NOT EXISTS idx_user_notifications_workspace    ON user_notifications (workspace_id);
CREATE INDEX IF NOT EXISTS idx_user_notifications_created      ON user_notifications (created_at);
CREATE INDEX IF NOT EXISTS idx_user_notifications_read
  ON user_notifications (read_at) WHERE is_read;
-- Nobody is told of one alert twice.
CREATE UNIQUE INDEX IF NOT EXISTS idx_user_notifications_once  ON user_notifications (alert_id, user_id);

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Functions: 5
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION create_system_alert(
  p_workspace_id uuid, p_severity text, p_title text, p_body text DEFAULT '', p_signal_id uuid DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  made uuid;
BEGIN
  INSERT INTO system_alerts (workspace_id, severity, title, body, signal_id)
  VALUES (p_workspace_id, p_severity, p_title, p_body, p_signal_id)
  RETURNING id INTO made;
  -- What is critical reaches every member; the rest is there for those who look.
  IF p_severity = 'critical' THEN
    INSERT INTO user_notifications (workspace_id, user_id, alert_id, body)
    SELECT p_workspace_id, member.user_id, made, p_title
    FROM workspace_members AS member WHERE member.workspace_id = p_workspace_id;
  END IF;
  RETURN made;
END;
$$;

CREATE OR REPLACE FUNCTION send_user_notification(
  p_workspace_id uuid, p_user_id uuid, p_body text, p_alert_id uuid DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql
SET search_path = public
AS $$
DECLARE
  made uuid;
BEGIN
  IF NOT EXISTS (SELECT FROM workspace_members WHERE workspace_id = p_workspace_id AND user_id = p_user_id) THEN
    RAISE EXCEPTION 'user % is no member of workspace %', p_user_id, p_workspace_id
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  INSERT INTO user_notifications (workspace_id, user_id, alert_id, body)
  VALUES (p_workspace_id, p_user_id, p_alert_id, p_body)
  ON CONFLICT (alert_id, user_id) DO NOTHING
  RETURNING id INTO made;
  RETURN made;
END;
$$;

CREATE OR REPLACE FUNCTION acknowledge_alert(p_alert_id uuid, p_user_id uuid) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public
AS $$
BEGIN
  -- The first one counts: who acknowledged it, and when, isn't written over.
  UPDATE system_alerts SET acknowledged_by = p_user_id, acknowledged_at = now()
  WHERE id = p_alert_id AND acknowledged_at IS NULL;
  RETURN FOUND;
END;
$$;

CREATE OR REPLACE FUNCTION mark_notification_as_read(p_notification_id uuid) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public
AS $$
BEGIN
  UPDATE user_notifications SET is_read = true, read_at = now() WHERE id = p_notification_id AND NOT is_read;
  RETURN FOUND;
END;
$$;

CREATE OR REPLACE FUNCTION get_user_unread_notifications(p_user_id uuid)
RETURNS TABLE (id uuid, workspace_id uuid, body text, created_at timestamptz)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT notification.id, notification.workspace_id, notification.body, notification.created_at
  FROM user_notifications AS notification
  WHERE notification.user_id = p_user_id AND NOT notification.is_read
  ORDER BY notification.created_at, notification.id;
$$;

COMMENT ON FUNCTION create_system_alert(uuid, text, text, text, uuid) IS
  'Makes an alert; a critical one is sent to every member of the workspace';
COMMENT ON FUNCTION send_user_notification(uuid, uuid, text, uuid) IS
  'Tells one member something; null when the user was told of that alert already';
COMMENT ON FUNCTION acknowledge_alert(uuid, uuid) IS 'True when this call did it';
COMMENT ON FUNCTION mark_notification_as_read(uuid) IS 'True when this call did it';
COMMENT ON FUNCTION get_user_unread_notifications(uuid) IS 'What a user has not read, the oldest first';

-- ---------------------------------------------------------------------------------------------------------------------
-- 4. Row security: 4 policies
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE system_alerts      ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_notifications ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS system_alerts_members ON system_alerts;
CREATE POLICY system_alerts_members ON system_alerts FOR SELECT
  TO authenticated USING (workspace_id IN (SELECT user_workspaces()));
-- To acknowledge it, in one's own name.
DROP POLICY IF EXISTS system_alerts_acknowledge ON system_alerts;
CREATE POLICY system_alerts_acknowledge ON system_alerts FOR UPDATE
  TO authenticated USING (workspace_id IN (SELECT user_workspaces())) WITH CHECK (acknowledged_by = auth.uid());
-- A message is its receiver's alone, not the workspace's.
DROP POLICY IF EXISTS user_notifications_own ON user_notifications;
CREATE POLICY user_notifications_own ON user_notifications FOR SELECT
  TO authenticated USING (user_id = auth.uid());
DROP POLICY IF EXISTS user_notifications_read ON user_notifications;
CREATE POLICY user_notifications_read ON user_notifications FOR UPDATE
  TO authenticated USING (user_id = auth.uid());

GRANT SELECT, INSERT, UPDATE, DELETE ON system_alerts, user_notifications TO authenticated, service_role;
