-- What the queries of fingerprint and inventory begin with. `space`: schemas that count. `member`: objects
-- that belong to an extension, which is listed with its version instead. `rel`: relations that
-- count, under their quoted names. Toast and temporary relations live in schemas that begin with pg_.
WITH space AS MATERIALIZED (
  SELECT n.oid, n.nspname, quote_ident(n.nspname) AS name, n.nspowner, n.nspacl
  FROM pg_namespace n
  WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'holdpoint')
), member AS MATERIALIZED (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), rel AS MATERIALIZED (
  SELECT c.oid, space.nspname, c.relname, space.name || '.' || quote_ident(c.relname) AS name, c.relkind, c.relowner, c.relacl,
         CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'f' THEN 'foreign table'
              WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' END AS word
  FROM pg_class c JOIN space ON space.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
    AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
)
