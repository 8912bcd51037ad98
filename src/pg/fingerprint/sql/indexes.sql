-- Indexes, those of constraints too.
SELECT 'index ' || space.name || '.' || quote_ident(c.relname),
  concat_ws(E'\n', pg_get_indexdef(i.indexrelid),
    'tablespace ' || quote_ident(ts.spcname),
    CASE WHEN NOT i.indisvalid THEN 'INVALID' END,
    CASE WHEN NOT i.indisready THEN 'not ready' END,
    CASE WHEN NOT i.indislive THEN 'being dropped' END,
    CASE WHEN i.indisclustered THEN 'clustered on' END,
    CASE WHEN i.indisreplident THEN 'replica identity' END,
    'partition of ' || (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid))
FROM rel JOIN pg_index i ON i.indrelid = rel.oid
JOIN pg_class c ON c.oid = i.indexrelid JOIN space ON space.oid = c.relnamespace
LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
