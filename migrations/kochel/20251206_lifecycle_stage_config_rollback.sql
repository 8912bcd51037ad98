-- Undoes 20251206_lifecycle_stage_config.sql.
--
-- Runs in one transaction; running it again does nothing. Without CASCADE on purpose: if something was built on these
-- tables since, the rollback must fail and say so instead of taking it along.

DROP FUNCTION IF EXISTS get_stages_by_phase(integer);
DROP FUNCTION IF EXISTS get_sd_required_stages();
DROP FUNCTION IF EXISTS get_stage_info(integer);

-- Children before parents; indexes, constraints and policies go with their tables.
DROP TABLE IF EXISTS advisory_checkpoints;
DROP TABLE IF EXISTS lifecycle_stage_config;
DROP TABLE IF EXISTS lifecycle_phases;
