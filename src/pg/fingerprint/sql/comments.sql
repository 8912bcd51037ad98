-- Comments and security labels on anything. Built-in objects have oids below 16384, but the schema
-- public can be commented on like any other.
, said AS (
  SELECT 'comment on ' AS what, d.classoid, d.objoid, d.objsubid, d.description AS text FROM pg_description d
  UNION ALL
  SELECT 'security label of ' || l.provider || ' on ', l.classoid, l.objoid, l.objsubid, l.label FROM pg_seclabel l
)
SELECT said.what || o.type || ' ' || o.identity, said.text
FROM said, LATERAL pg_identify_object(said.classoid, said.objoid, said.objsubid) o
WHERE (said.objoid >= 16384 OR said.objoid = 2200 AND said.text <> 'standard public schema')
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = said.classoid AND m.objid = said.objoid)
  AND said.classoid <> 'pg_largeobject'::regclass
  AND coalesce(o.schema, '') !~ '^(pg_.*|information_schema|holdpoint)$'
  AND o.identity !~ '(^| on )(pg_temp|pg_toast[_0-9a-z]*|holdpoint)(\.|$)'
UNION ALL
SELECT 'comment on database', s.description
FROM pg_shdescription s JOIN pg_database d ON d.oid = s.objoid
WHERE s.classoid = 'pg_database'::regclass AND d.datname = current_database() AND s.description <> 'default administrative connection database'
