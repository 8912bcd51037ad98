-- What the ingest service has taken in, a row each time.
CREATE TABLE vh.ingest_runs (
  id         bigint      PRIMARY KEY,
  venture    int         NOT NULL REFERENCES vh.ventures,
  status     text        NOT NULL CHECK (status IN ('success', 'failed')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ingest_runs_created_at ON vh.ingest_runs (created_at);
GRANT SELECT, INSERT ON vh.ingest_runs TO vh_app;

INSERT INTO audit.change_log (version, operation, object) VALUES ('2025.11', 'CREATE TABLE', 'vh.ingest_runs');
