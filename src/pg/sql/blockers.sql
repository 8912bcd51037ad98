-- Who keeps backend $1 waiting: sessions, or prepared transactions (which have no backend: pid 0).
-- `wait` is the lock it waits for. When that is another transaction's end, the tuple lock that it
-- holds meanwhile names the table. Roles without pg_read_all_stats see no state and no times.
WITH wait AS MATERIALIZED (
  SELECT l.* FROM pg_locks l WHERE l.pid = $1::int AND NOT l.granted LIMIT 1
), place AS MATERIALIZED (
  SELECT coalesce(
    (SELECT CASE WHEN w.database IS DISTINCT FROM d.oid THEN 'a relation of another database or a shared one'
                 ELSE coalesce((SELECT json_build_array(n.nspname, c.relname)::text FROM pg_class c
                                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = w.relation),
                               'relation ' || w.relation) END
     FROM wait w, pg_database d WHERE w.relation IS NOT NULL AND d.datname = current_database()),
    (SELECT json_build_array(n.nspname, c.relname)::text
     FROM pg_locks t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE t.pid = $1::int AND t.locktype = 'tuple' AND t.granted LIMIT 1),
    (SELECT CASE w.locktype WHEN 'advisory' THEN 'advisory lock ' || w.classid || ', ' || w.objid
       WHEN 'object' THEN pg_describe_object(w.classid, w.objid, w.objsubid) END
     FROM wait w)) AS what
), blocker AS MATERIALIZED (
  SELECT DISTINCT unnest(pg_blocking_pids($1::int)) AS pid
)
SELECT b.pid,
       coalesce(a.usename::text, x.owner::text, ''),
       CASE WHEN b.pid = 0 THEN 'prepared transaction ' || coalesce(x.gid, '') ELSE coalesce(a.application_name, '') END,
       CASE WHEN b.pid = 0 THEN 'prepared' ELSE coalesce(a.state, 'unknown') END,
       (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared)) * 1000)::bigint,
       (SELECT what FROM place),
       (SELECT string_agg(DISTINCT CASE WHEN h.locktype = 'transactionid' THEN 'row lock'
                 WHEN h.locktype = 'virtualxid' THEN 'old snapshot'
                 ELSE CASE WHEN h.granted THEN '' ELSE 'waits for ' END || regexp_replace(h.mode, 'Lock$', '') END, ', ')
        FROM wait w JOIN pg_locks h ON h.locktype = w.locktype
          AND (h.pid = b.pid OR b.pid = 0 AND h.pid IS NULL AND h.virtualtransaction IS NOT DISTINCT FROM v.virtualtransaction)
          AND (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
              IS NOT DISTINCT FROM
              (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid))
FROM blocker b
LEFT JOIN pg_stat_activity a ON a.pid = b.pid AND b.pid <> 0
LEFT JOIN LATERAL (
  -- The prepared transaction that holds what we wait for.
  SELECT h.virtualtransaction FROM wait w JOIN pg_locks h ON b.pid = 0 AND h.pid IS NULL AND h.granted
    AND h.locktype = w.locktype
    AND (h.database, h.relation, h.transactionid, h.classid, h.objid, h.objsubid)
        IS NOT DISTINCT FROM (w.database, w.relation, w.transactionid, w.classid, w.objid, w.objsubid)
) v ON true
LEFT JOIN pg_locks own ON own.pid IS NULL AND own.locktype = 'transactionid' AND own.granted
  AND own.virtualtransaction = v.virtualtransaction
LEFT JOIN pg_prepared_xacts x ON b.pid = 0 AND x.transaction = own.transactionid
ORDER BY 1
