-- The schema of the venture hub, and its ventures.
CREATE SCHEMA vh;
GRANT USAGE ON SCHEMA vh TO vh_app, analyst_ro;

CREATE TABLE vh.ventures (
  id    int  PRIMARY KEY,
  name  text NOT NULL,
  stage int  NOT NULL CHECK (stage BETWEEN 1 AND 25)
);
INSERT INTO vh.ventures SELECT id, name, stage FROM public.vh_ventures;
GRANT SELECT, INSERT, UPDATE, DELETE ON vh.ventures TO vh_app;

INSERT INTO audit.migration_log (version) VALUES ('2025.11-vh');
INSERT INTO audit.change_log (version, operation, object)
VALUES ('2025.11', 'CREATE SCHEMA', 'vh'), ('2025.11', 'CREATE TABLE', 'vh.ventures'), ('2025.11', 'INSERT', 'vh.ventures');
