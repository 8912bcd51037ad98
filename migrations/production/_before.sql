-- The production database before the promotion: an engineering governance application (tables of schema public that
-- become schema eng), a venture hub (which becomes schema vh), and the audit trail of both.
--
-- For demonstrations, rehearsals and tests only; it expects an empty database. Rows are derived from a counter; only
-- the service's log is dated back from now, since the plan asks for the last ten minutes.

-- Roles belong to the server: they may be there already.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['analyst_ro', 'eng_app', 'vh_app'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
  END LOOP;
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- The audit trail
-- ---------------------------------------------------------------------------------------------------------------------

CREATE SCHEMA audit;

CREATE TABLE audit.migration_log (
  version    text        PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO audit.migration_log (version, applied_at)
SELECT '2025.0' || n, timestamptz '2025-09-01 12:00+00' + n * interval '3 days' FROM generate_series(1, 5) AS n;

CREATE TABLE audit.change_log (
  version   text        NOT NULL,
  operation text        NOT NULL,
  object    text        NOT NULL,
  timestamp timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (version, operation, object)
);

CREATE TABLE audit.service_logs (
  id         bigint           PRIMARY KEY,
  timestamp  timestamptz      NOT NULL DEFAULT clock_timestamp(),
  service    text             NOT NULL,
  level      text             NOT NULL CHECK (level IN ('INFO', 'WARNING', 'ERROR')),
  latency_ms double precision NOT NULL,
  rollout    int              NOT NULL DEFAULT 0
);
CREATE INDEX service_logs_timestamp ON audit.service_logs (timestamp);

-- Five minutes of the service before the promotion: 40 to 139 ms, p95 at 134.
INSERT INTO audit.service_logs (id, timestamp, service, level, latency_ms)
SELECT n, now() - (n % 300) * interval '1 second', 'api', 'INFO', 40 + (n * 37) % 100
FROM generate_series(1, 600) AS n;

-- ---------------------------------------------------------------------------------------------------------------------
-- What the applications have so far
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE public.eng_directives (
  id       int  PRIMARY KEY,
  title    text NOT NULL,
  status   text NOT NULL CHECK (status IN ('draft', 'active', 'done')),
  priority int  NOT NULL
);
INSERT INTO public.eng_directives
SELECT n, 'Directive ' || n, (ARRAY['draft', 'active', 'done'])[1 + n % 3], 1 + n % 5 FROM generate_series(1, 60) AS n;

CREATE TABLE public.eng_requirements (
  id        int  PRIMARY KEY,
  directive int  NOT NULL REFERENCES public.eng_directives,
  text      text NOT NULL
);
INSERT INTO public.eng_requirements
SELECT n, 1 + n % 60, 'Requirement ' || n FROM generate_series(1, 240) AS n;

CREATE TABLE public.vh_ventures (
  id    int  PRIMARY KEY,
  name  text NOT NULL,
  stage int  NOT NULL
);
INSERT INTO public.vh_ventures SELECT n, 'Venture ' || n, 1 + n % 25 FROM generate_series(1, 40) AS n;
