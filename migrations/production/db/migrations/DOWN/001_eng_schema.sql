-- Only an empty schema goes: what somebody else has put there since stops it.
DROP SCHEMA eng;
DELETE FROM audit.change_log WHERE version = '2025.10' AND object = 'eng';
DELETE FROM audit.migration_log WHERE version = '2025.10-eng';
