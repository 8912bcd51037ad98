-- Who holds or waits for a lock on relation $1 but us and the pids in $2 (JSON).
SELECT coalesce(l.pid, 0),
       coalesce(a.usename::text, x.owner::text, ''),
       CASE WHEN l.pid IS NULL THEN 'prepared transaction ' || coalesce(x.gid, '') ELSE coalesce(a.application_name, '') END,
       CASE WHEN l.pid IS NULL THEN 'prepared' ELSE coalesce(a.state, 'unknown') END,
       (extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared)) * 1000)::bigint,
       (SELECT json_build_array(n.nspname, c.relname)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = $1::oid),
       string_agg(DISTINCT CASE WHEN l.granted THEN '' ELSE 'waits for ' END || regexp_replace(l.mode, 'Lock$', ''), ', ')
FROM pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_locks own ON l.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid' AND own.granted
  AND own.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts x ON l.pid IS NULL AND x.transaction = own.transactionid
WHERE l.locktype IN ('relation', 'extend') AND l.relation = $1::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND coalesce(l.pid, 0) <> pg_backend_pid()
  AND coalesce(l.pid, 0)::text NOT IN (SELECT json_array_elements_text($2::json))
GROUP BY l.pid, a.usename, x.owner, x.gid, a.application_name, a.state, a.xact_start, x.prepared
ORDER BY 1
