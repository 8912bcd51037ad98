DROP TABLE vh.ventures;
-- Only an empty schema goes: what somebody else has put there since stops it.
DROP SCHEMA vh;
DELETE FROM audit.change_log WHERE version = '2025.11' AND object IN ('vh', 'vh.ventures');
DELETE FROM audit.migration_log WHERE version = '2025.11-vh';
