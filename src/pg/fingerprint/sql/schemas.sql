-- Schemas, extensions, and what belongs to the database as a whole. The database's name isn't part
-- of it: two databases can be compared.
SELECT 'schema ' || space.name, 'owner ' || quote_ident(pg_get_userbyid(space.nspowner))
FROM space
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = space.oid)
UNION ALL
SELECT 'extension ' || quote_ident(e.extname),
  'version ' || e.extversion || '; schema ' || e.extnamespace::regnamespace
FROM pg_extension e
UNION ALL
SELECT 'database', 'owner ' || quote_ident(pg_get_userbyid(d.datdba))
FROM pg_database d WHERE d.datname = current_database()
UNION ALL
SELECT 'setting of database ' || split_part(kv, '=', 1)
    || CASE WHEN s.setrole = 0 THEN '' ELSE ' for role ' || quote_ident(pg_get_userbyid(s.setrole)) END,
  substr(kv, strpos(kv, '=') + 1)
FROM pg_db_role_setting s, unnest(s.setconfig) kv
WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) AND kv !~ '^holdpoint\.'
