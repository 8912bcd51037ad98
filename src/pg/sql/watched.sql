-- What backend $1 waits for, and the relations of users that it has locked, the strongest lock of each;
-- those it waits for first. One row with NULLs where it holds none.
WITH held AS (
  SELECT DISTINCT ON (l.relation) l.relation, l.mode, l.granted, m.strength
  FROM pg_locks l
  JOIN (VALUES ('AccessShareLock', 1), ('RowShareLock', 2), ('RowExclusiveLock', 3), ('ShareUpdateExclusiveLock', 4),
               ('ShareLock', 5), ('ShareRowExclusiveLock', 6), ('ExclusiveLock', 7), ('AccessExclusiveLock', 8))
    AS m (mode, strength) ON m.mode = l.mode
  WHERE l.locktype = 'relation' AND l.pid = $1::int
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  ORDER BY l.relation, l.granted, m.strength DESC
), named AS (
  SELECT n.nspname, c.relname, regexp_replace(h.mode, 'Lock$', '') AS mode, h.granted,
         CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples::bigint END AS rows,
         c.relpages::bigint * current_setting('block_size')::bigint AS bytes, h.strength
  FROM held h JOIN pg_class c ON c.oid = h.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'holdpoint') AND c.relkind IN ('r', 'p', 'm', 'f', 'S', 'v')
)
SELECT (SELECT a.wait_event_type || ': ' || a.wait_event FROM pg_stat_activity a
        WHERE a.pid = $1::int AND a.state = 'active' AND a.wait_event_type <> 'Client'),
       named.nspname, named.relname, named.mode, named.granted, named.rows, named.bytes
FROM (SELECT 1) AS one LEFT JOIN named ON true
ORDER BY named.granted, named.strength DESC NULLS LAST, named.nspname, named.relname
