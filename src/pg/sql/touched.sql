-- What the transaction that is open in this session has written or changed: relations that it holds
-- RowExclusive or more on, with the tuples it wrote. Indexes count as their tables, with the index's lock only where the
-- table itself isn't locked; toast, temporary
-- and system relations and schema holdpoint don't. A view is only its tables' writer unless it was
-- changed itself. Dropped relations have no name any more: oid alone. Every name is qualified and
-- every operator of pg_catalog, since the work session's search_path is whatever the file left.
SELECT t.oid, n.nspname, c.relname, t.lock,
       pg_catalog.pg_stat_get_xact_tuples_inserted(t.oid),
       pg_catalog.pg_stat_get_xact_tuples_updated(t.oid),
       pg_catalog.pg_stat_get_xact_tuples_deleted(t.oid)
FROM (
  SELECT coalesce(i.indrelid, l.relation) AS oid,
         coalesce(pg_catalog.max(m.lock) FILTER (WHERE i.indexrelid IS NULL), pg_catalog.max(m.lock)) AS lock
  FROM pg_catalog.pg_locks l
  CROSS JOIN LATERAL (SELECT pg_catalog.array_position(
    ARRAY['RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
          'AccessExclusiveLock']::pg_catalog.text[], l.mode) AS lock) m
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) l.relation
  WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
    AND l.locktype OPERATOR(pg_catalog.=) 'relation'::pg_catalog.text AND l.granted
    AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d
                                           WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
    AND m.lock IS NOT NULL
  GROUP BY 1
) t
LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE c.oid IS NULL
   OR n.nspname OPERATOR(pg_catalog.!~) '^pg_'
      AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema' AND n.nspname OPERATOR(pg_catalog.<>) 'holdpoint'
      AND (c.relkind OPERATOR(pg_catalog.<>) 'v' OR t.lock OPERATOR(pg_catalog.>) 1)
