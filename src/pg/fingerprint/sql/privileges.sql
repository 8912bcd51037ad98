-- Who may do what, where it isn't what the object was born with: aclexplode(coalesce(acl, acldefault(...))),
-- sorted, so that a list that was granted and revoked again equals one that never was.
, acl AS (
  SELECT 'schema ' || space.name AS what, 'n'::"char" AS kind, space.nspowner AS owner, space.nspacl AS acl FROM space
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = space.oid)
  UNION ALL
  SELECT rel.word || ' ' || rel.name, CASE rel.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", rel.relowner, rel.relacl FROM rel
  UNION ALL
  SELECT 'column ' || rel.name || '.' || quote_ident(a.attname), 'c', rel.relowner, a.attacl
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
  UNION ALL
  SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' ELSE 'function ' END
      || space.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')', 'f', p.proowner, p.proacl
  FROM pg_proc p JOIN space ON space.oid = p.pronamespace
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
  UNION ALL
  SELECT 'type ' || space.name || '.' || quote_ident(t.typname), 'T', t.typowner, t.typacl
  FROM pg_type t JOIN space ON space.oid = t.typnamespace
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
  UNION ALL
  SELECT 'language ' || quote_ident(l.lanname), 'l', l.lanowner, l.lanacl FROM pg_language l
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_language'::regclass AND m.objid = l.oid)
  UNION ALL
  SELECT 'foreign data wrapper ' || quote_ident(w.fdwname), 'F', w.fdwowner, w.fdwacl FROM pg_foreign_data_wrapper w
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_foreign_data_wrapper'::regclass AND m.objid = w.oid)
  UNION ALL
  SELECT 'server ' || quote_ident(s.srvname), 'S', s.srvowner, s.srvacl FROM pg_foreign_server s
  UNION ALL
  SELECT 'database', 'd', d.datdba, d.datacl FROM pg_database d WHERE d.datname = current_database()
), shown AS (
  SELECT what, (SELECT string_agg(x.line, E'\n' ORDER BY x.line) FROM (
      SELECT CASE WHEN e.grantee = 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(e.grantee)) END || ': '
        || string_agg(e.privilege_type || CASE WHEN e.is_grantable THEN ' with grant option' ELSE '' END
                      || CASE WHEN e.grantor <> acl.owner THEN ' by ' || quote_ident(pg_get_userbyid(e.grantor)) ELSE '' END,
                      ' + ' ORDER BY e.privilege_type, e.grantor) AS line
      FROM aclexplode(acl.acl) e GROUP BY e.grantee) x) AS has,
    (SELECT string_agg(x.line, E'\n' ORDER BY x.line) FROM (
      SELECT CASE WHEN e.grantee = 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(e.grantee)) END || ': '
        || string_agg(e.privilege_type, ' + ' ORDER BY e.privilege_type) AS line
      FROM aclexplode(acldefault(acl.kind, acl.owner)) e GROUP BY e.grantee) x) AS born
  FROM acl WHERE acl.acl IS NOT NULL
)
SELECT 'privileges of ' || what, coalesce(has, 'nobody') FROM shown WHERE has IS DISTINCT FROM born
UNION ALL
SELECT 'default privileges of role ' || quote_ident(pg_get_userbyid(d.defaclrole))
    || coalesce(' in schema ' || space.name, '') || ' on '
    || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
            WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END,
  coalesce((SELECT string_agg(x.line, E'\n' ORDER BY x.line) FROM (
      SELECT CASE WHEN e.grantee = 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(e.grantee)) END || ': '
        || string_agg(e.privilege_type || CASE WHEN e.is_grantable THEN ' with grant option' ELSE '' END,
                      ' + ' ORDER BY e.privilege_type, e.grantor) AS line
      FROM aclexplode(d.defaclacl) e GROUP BY e.grantee) x), 'nobody')
FROM pg_default_acl d LEFT JOIN space ON space.oid = d.defaclnamespace
WHERE d.defaclnamespace = 0 OR space.oid IS NOT NULL
