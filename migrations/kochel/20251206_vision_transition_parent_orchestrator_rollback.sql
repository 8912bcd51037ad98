-- Undoes 20251206_vision_transition_parent_orchestrator.sql: removes the eleven directives it inserted and gives the
-- parent its title, type, status, metadata and updated_at back, exactly.
--
-- Runs in one transaction; running it again does nothing. Directives that something refers to by now (a requirement
-- document, a directive of their own) are kept by their foreign keys: then the whole rollback fails, nothing lost.
-- What was written to the parent's metadata after the migration is replaced along with the rest.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. Refuse to leave a residue: children without the kept values mean that the parent can't be restored
-- ---------------------------------------------------------------------------------------------------------------------

DO $$
BEGIN
  IF EXISTS (SELECT FROM strategic_directives_v2 WHERE id = 'SD-VISION-TRANSITION-001A')
     AND NOT EXISTS (SELECT FROM strategic_directives_v2
                     WHERE id = 'SD-VISION-TRANSITION-001' AND jsonb_exists(metadata, 'before_phase_a')) THEN
    RAISE EXCEPTION 'the original values of SD-VISION-TRANSITION-001 are gone from metadata.before_phase_a'
      USING HINT = 'Restore the parent from the backup, then remove its children by hand.';
  END IF;
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. The rows
-- ---------------------------------------------------------------------------------------------------------------------

-- The trigger would stamp the restored row with today's date. Switching it off locks out other writers, not readers,
-- until the commit; it comes first so that no lock has to be raised half-way.
ALTER TABLE strategic_directives_v2 DISABLE TRIGGER trg_strategic_directives_v2_updated_at;

-- By name, not by pattern: a directive that somebody else added under this prefix isn't ours to delete.
DELETE FROM strategic_directives_v2
WHERE id IN ('SD-VISION-TRANSITION-001D1', 'SD-VISION-TRANSITION-001D2', 'SD-VISION-TRANSITION-001D3',
             'SD-VISION-TRANSITION-001D4', 'SD-VISION-TRANSITION-001D5', 'SD-VISION-TRANSITION-001D6');

DELETE FROM strategic_directives_v2
WHERE id IN ('SD-VISION-TRANSITION-001A', 'SD-VISION-TRANSITION-001B', 'SD-VISION-TRANSITION-001C',
             'SD-VISION-TRANSITION-001D', 'SD-VISION-TRANSITION-001E');

-- metadata is replaced by its kept original, so child_scope and before_phase_a go with it.
UPDATE strategic_directives_v2
SET title      = metadata #>> '{before_phase_a,title}',
    sd_type    = metadata #>> '{before_phase_a,sd_type}',
    status     = metadata #>> '{before_phase_a,status}',
    metadata   = metadata #>  '{before_phase_a,metadata}',
    updated_at = (metadata #>> '{before_phase_a,updated_at}')::timestamptz
WHERE id = 'SD-VISION-TRANSITION-001'
  AND jsonb_exists(metadata, 'before_phase_a');

ALTER TABLE strategic_directives_v2 ENABLE TRIGGER trg_strategic_directives_v2_updated_at;
