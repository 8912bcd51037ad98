-- Quality score and validation status of a venture's artifacts, and the gate that reads them.
--
-- Adds      venture_artifacts: columns quality_score, validation_status, validated_at, validated_by
--           indexes    idx_venture_artifacts_quality_score, idx_venture_artifacts_validation_status
--           functions  check_venture_quality_gate, get_artifacts_pending_validation
-- Runs      in one transaction. Running it again changes nothing.
-- Undone by the statements in the plan: functions, indexes, columns, in that order.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Columns
-- ---------------------------------------------------------------------------------------------------------------------

-- A constant default needs no rewrite of the table: the ACCESS EXCLUSIVE lock is held only for as long as the check
-- constraints take to read it once. All four in one statement, so that it is read once and locked once.
-- The constraints are named, because the verification looks for them by name; where the column exists, its constraint
-- does too, and IF NOT EXISTS passes over both.
ALTER TABLE venture_artifacts
  ADD COLUMN IF NOT EXISTS quality_score integer
    CONSTRAINT venture_artifacts_quality_score_check CHECK (quality_score >= 0 AND quality_score <= 100),
  ADD COLUMN IF NOT EXISTS validation_status text NOT NULL DEFAULT 'pending'
    CONSTRAINT venture_artifacts_validation_status_check
    CHECK (validation_status IN ('pending', 'validated', 'rejected', 'needs_revision')),
  ADD COLUMN IF NOT EXISTS validated_at timestamptz,
  ADD COLUMN IF NOT EXISTS validated_by text;

COMMENT ON COLUMN venture_artifacts.quality_score IS '0 to 100; NULL until somebody has reviewed the artifact';
COMMENT ON COLUMN venture_artifacts.validation_status IS 'Where the review stands';
COMMENT ON COLUMN venture_artifacts.validated_at IS 'When the review was closed';
COMMENT ON COLUMN venture_artifacts.validated_by IS 'Who closed it: a person or a crew';

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. Indexes, one for each function below; partial, because each reads a small part of the table
-- ---------------------------------------------------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_venture_artifacts_quality_score
  ON venture_artifacts (venture_id, lifecycle_stage, quality_score)
  WHERE quality_score IS NOT NULL;

CREATE INDEX IF NOT EXISTS idx_venture_artifacts_validation_status
  ON venture_artifacts (venture_id, validation_status)
  WHERE validation_status IN ('pending', 'needs_revision');

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Functions
-- ---------------------------------------------------------------------------------------------------------------------

-- Always one row. Nothing reviewed means a closed gate, not an unknown one: the average is 0 then, never NULL.
CREATE OR REPLACE FUNCTION check_venture_quality_gate(
  p_venture_id uuid,
  p_lifecycle_stage integer,
  p_minimum_score integer DEFAULT 70
)
RETURNS TABLE (passes_gate boolean, avg_quality_score numeric, artifacts_reviewed integer)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT coalesce(avg(artifact.quality_score) >= p_minimum_score, false),
         coalesce(round(avg(artifact.quality_score), 2), 0),
         count(artifact.quality_score)::integer
  FROM venture_artifacts AS artifact
  WHERE artifact.venture_id = p_venture_id
    AND artifact.lifecycle_stage = p_lifecycle_stage
    AND artifact.is_current
    AND artifact.quality_score IS NOT NULL;
$$;

CREATE OR REPLACE FUNCTION get_artifacts_pending_validation(p_venture_id uuid)
RETURNS TABLE (artifact_id uuid, lifecycle_stage integer, artifact_type text, title text, validation_status text)
LANGUAGE sql STABLE
SET search_path = public
AS $$
  SELECT artifact.id, artifact.lifecycle_stage, artifact.artifact_type, artifact.title, artifact.validation_status
  FROM venture_artifacts AS artifact
  WHERE artifact.venture_id = p_venture_id
    AND artifact.is_current
    AND artifact.validation_status IN ('pending', 'needs_revision')
  ORDER BY artifact.lifecycle_stage, artifact.artifact_type;
$$;

COMMENT ON FUNCTION check_venture_quality_gate(uuid, integer, integer) IS
  'Whether the reviewed, current artifacts of a stage reach the minimum score on average';
COMMENT ON FUNCTION get_artifacts_pending_validation(uuid) IS
  'The current artifacts of a venture that wait for a review';
