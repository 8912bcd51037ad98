REVOKE SELECT ON eng.strategic_directives_v2 FROM vh_app;
REVOKE USAGE ON SCHEMA eng FROM vh_app;
DELETE FROM audit.change_log WHERE version = '2025.11' AND operation = 'GRANT';
