-- Requirements, tied to the directives.
CREATE TABLE eng.product_requirements_v2 (
  id        int  PRIMARY KEY,
  directive int  NOT NULL REFERENCES eng.strategic_directives_v2,
  text      text NOT NULL
);
CREATE INDEX product_requirements_v2_directive ON eng.product_requirements_v2 (directive);
INSERT INTO eng.product_requirements_v2 SELECT id, directive, text FROM public.eng_requirements;

GRANT SELECT, INSERT, UPDATE, DELETE ON eng.product_requirements_v2 TO eng_app;

INSERT INTO audit.change_log (version, operation, object)
VALUES ('2025.10', 'CREATE TABLE', 'eng.product_requirements_v2'), ('2025.10', 'INSERT', 'eng.product_requirements_v2');
