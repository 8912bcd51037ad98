-- Vision Transition: the directive SD-VISION-TRANSITION-001 becomes the orchestrator of a hierarchy of twelve.
--
-- Changes   strategic_directives_v2: 1 row updated (the parent), 5 children A-E and 6 grandchildren D1-D6 inserted
-- Runs      in one transaction. Running it again changes nothing.
-- Undone by 20251206_vision_transition_parent_orchestrator_rollback.sql, which gives the parent back as it was: what
--           the update below overwrites is kept in the row itself, under metadata.before_phase_a, until then.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. The parent must be there: an UPDATE of no row is no error, and children of nobody would fail less clearly
-- ---------------------------------------------------------------------------------------------------------------------

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM strategic_directives_v2 WHERE id = 'SD-VISION-TRANSITION-001') THEN
    RAISE EXCEPTION 'SD-VISION-TRANSITION-001 does not exist'
      USING HINT = 'Is this the right database? The parent is created by hand, before the window.';
  END IF;
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. The parent
-- ---------------------------------------------------------------------------------------------------------------------

-- The condition makes this run once: a second run would take the new values for the original ones. updated_at is kept
-- as UTC text, so that the session's time zone leaves no mark on it.
UPDATE strategic_directives_v2
SET title    = 'Vision Transition: parent orchestrator of the 25-stage lifecycle',
    sd_type  = 'orchestrator',
    status   = 'active',
    metadata = metadata || jsonb_build_object(
      'child_scope', jsonb_build_object(
        'children',      jsonb_build_array('A', 'B', 'C', 'D', 'E'),
        'grandchildren', jsonb_build_object('D', jsonb_build_array('D1', 'D2', 'D3', 'D4', 'D5', 'D6'))
      ),
      'before_phase_a', jsonb_build_object(
        'title',      title,
        'sd_type',    sd_type,
        'status',     status,
        'metadata',   metadata,
        'updated_at', to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      )
    )
WHERE id = 'SD-VISION-TRANSITION-001'
  AND NOT jsonb_exists(metadata, 'before_phase_a');

-- ---------------------------------------------------------------------------------------------------------------------
-- 3. Children, then grandchildren: the foreign key wants the parent first
-- ---------------------------------------------------------------------------------------------------------------------

-- The dates are those of the decision, not of the run, so that a rehearsal inserts the same rows as the real window.
INSERT INTO strategic_directives_v2
  (id, parent_sd_id, title, sd_type, status, priority, category, description, sequence_rank, metadata, created_by,
   created_at, updated_at)
SELECT child.id, 'SD-VISION-TRANSITION-001', child.title, child.sd_type, 'draft', child.priority, 'vision',
       child.description, child.rank, jsonb_build_object('level', 1, 'adr', 'ADR-002'), 'lead',
       timestamptz '2025-12-06 00:00:00+00', timestamptz '2025-12-06 00:00:00+00'
FROM (VALUES
  ('SD-VISION-TRANSITION-001A', 'Take stock of the old stages', 'documentation', 'high', 1001,
   'Every place that names an old stage, with the new stage it maps to.'),
  ('SD-VISION-TRANSITION-001B', 'Lifecycle configuration in the database', 'infrastructure', 'critical', 1002,
   'Stages, phases and advisory checkpoints as data instead of code.'),
  ('SD-VISION-TRANSITION-001C', 'Move running ventures', 'infrastructure', 'critical', 1003,
   'Each venture in flight gets its new stage; its artifacts follow.'),
  ('SD-VISION-TRANSITION-001D', 'Stage screens, phase by phase', 'orchestrator', 'high', 1004,
   'The screens of all 25 stages, delivered as one piece for each of the six phases.'),
  ('SD-VISION-TRANSITION-001E', 'Retire the old workflow', 'quality', 'medium', 1005,
   'Remove the old stage list once nothing reads it any more.')
) AS child (id, title, sd_type, priority, rank, description)
ON CONFLICT (id) DO NOTHING;

INSERT INTO strategic_directives_v2
  (id, parent_sd_id, title, sd_type, status, priority, category, description, sequence_rank, metadata, created_by,
   created_at, updated_at)
SELECT 'SD-VISION-TRANSITION-001D' || phase.number, 'SD-VISION-TRANSITION-001D', 'Screens of ' || phase.name, 'feature',
       'draft', 'medium', 'vision',
       'The screens of stages ' || phase.first || ' to ' || phase.last || '.', 1010 + phase.number,
       jsonb_build_object('level', 2, 'adr', 'ADR-002', 'phase', phase.number), 'lead',
       timestamptz '2025-12-06 00:00:00+00', timestamptz '2025-12-06 00:00:00+00'
FROM (VALUES
  (1, 'THE TRUTH',       1,  5),
  (2, 'THE ENGINE',      6,  9),
  (3, 'THE IDENTITY',   10, 12),
  (4, 'THE BLUEPRINT',  13, 16),
  (5, 'THE BUILD LOOP', 17, 20),
  (6, 'LAUNCH & LEARN', 21, 25)
) AS phase (number, name, first, last)
ON CONFLICT (id) DO NOTHING;
