-- The venture hub reads what engineering has decided; it never writes there.
GRANT USAGE ON SCHEMA eng TO vh_app;
GRANT SELECT ON eng.strategic_directives_v2 TO vh_app;

INSERT INTO audit.change_log (version, operation, object) VALUES ('2025.11', 'GRANT', 'eng.strategic_directives_v2');
