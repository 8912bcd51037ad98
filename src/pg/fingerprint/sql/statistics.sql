-- Extended statistics: what is kept, not what was found.
SELECT 'statistics ' || space.name || '.' || quote_ident(s.stxname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(s.stxowner)), pg_get_statisticsobjdef(s.oid))
FROM pg_statistic_ext s JOIN space ON space.oid = s.stxnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_statistic_ext'::regclass AND m.objid = s.oid)
