-- The sessions of the server, this one too, which isn't counted as work; $1: how many are listed at most. Blockers are looked for
-- where somebody waits for a lock: that takes all of the lock table. What the role may not see is NULL.
WITH waiting AS MATERIALIZED (
  SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pid IS NOT NULL
), blocked AS MATERIALIZED (
  SELECT pid, pg_blocking_pids(pid) AS by FROM waiting
), blocking AS MATERIALIZED (
  SELECT DISTINCT b.pid FROM blocked, unnest(blocked.by) AS b (pid)
), seen AS (
  SELECT a.*, blocked.by, blocking.pid IS NOT NULL AS blocks,
         coalesce(a.backend_type, 'client backend') = 'client backend' AS is_client
  FROM pg_stat_activity a
  LEFT JOIN blocked USING (pid)
  LEFT JOIN blocking USING (pid)
  WHERE (a.backend_type IS NULL AND a.datid IS NOT NULL
         OR a.backend_type IN ('client backend', 'parallel worker', 'autovacuum worker', 'walsender',
                               'logical replication worker', 'logical replication apply worker',
                               'logical replication parallel worker', 'logical replication tablesync worker')
         OR blocking.pid IS NOT NULL)
)
SELECT s.pid,
       to_char(timezone('UTC', s.backend_start), 'YYYY-MM-DD HH24:MI:SS.US') || '+00',
       s.usename, s.datname, s.application_name, host(s.client_addr), s.state, s.backend_type,
       s.wait_event_type || ': ' || s.wait_event,
       (extract(epoch FROM clock_timestamp() - s.state_change) * 1000)::bigint,
       CASE WHEN s.state = 'active' THEN (extract(epoch FROM clock_timestamp() - s.query_start) * 1000)::bigint END,
       (extract(epoch FROM clock_timestamp() - s.xact_start) * 1000)::bigint,
       CASE WHEN s.backend_start IS NOT NULL THEN left(s.query, 2000) END,
       array_to_json(s.by),
       count(*) FILTER (WHERE s.state = 'active' AND s.by IS NULL AND s.pid <> pg_backend_pid()) OVER (),
       count(*) FILTER (WHERE s.by IS NOT NULL) OVER (),
       count(*) FILTER (WHERE s.blocks) OVER (),
       count(*) FILTER (WHERE s.state = 'idle') OVER (),
       count(*) FILTER (WHERE s.state LIKE 'idle in transaction%') OVER (),
       count(*) OVER (),
       count(*) FILTER (WHERE s.backend_start IS NULL) OVER (),
       s.pid = pg_backend_pid()
FROM seen s
ORDER BY s.by IS NULL AND NOT s.blocks, s.pid = pg_backend_pid(), s.datname IS DISTINCT FROM current_database(), NOT s.application_name LIKE '%holdpoint %', s.state IS DISTINCT FROM 'active',
         s.xact_start NULLS LAST, NOT s.is_client, s.pid
LIMIT $1::int
