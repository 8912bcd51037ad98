-- Directives in their second version: with an owner, and a copy of every row there is.
CREATE TABLE eng.strategic_directives_v2 (
  id         int         PRIMARY KEY,
  title      text        NOT NULL,
  status     text        NOT NULL CHECK (status IN ('draft', 'active', 'done')),
  priority   int         NOT NULL CHECK (priority BETWEEN 1 AND 5),
  owner      text        NOT NULL DEFAULT 'engineering',
  updated_at timestamptz NOT NULL DEFAULT timestamptz '2025-09-22 00:00+00'
);
INSERT INTO eng.strategic_directives_v2 (id, title, status, priority)
SELECT id, title, status, priority FROM public.eng_directives;

GRANT SELECT, INSERT, UPDATE, DELETE ON eng.strategic_directives_v2 TO eng_app;

INSERT INTO audit.change_log (version, operation, object)
VALUES ('2025.10', 'CREATE TABLE', 'eng.strategic_directives_v2'), ('2025.10', 'INSERT', 'eng.strategic_directives_v2');
