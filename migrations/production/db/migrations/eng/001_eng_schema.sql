-- The schema of the engineering application, and who may see it.
CREATE SCHEMA eng;
GRANT USAGE ON SCHEMA eng TO eng_app, analyst_ro;

INSERT INTO audit.migration_log (version) VALUES ('2025.10-eng');
INSERT INTO audit.change_log (version, operation, object) VALUES ('2025.10', 'CREATE SCHEMA', 'eng');
