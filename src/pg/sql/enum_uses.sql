-- Every enum: its labels in order, and what depends on it or on its array. What only a function's body
-- names the server doesn't know: those are found by the name as a word.
SELECT space.name || '.' || quote_ident(t.typname),
  (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
  (SELECT coalesce(json_agg(json_build_array(u.type, u.identity) ORDER BY u.type COLLATE "C", u.identity COLLATE "C"), '[]')
   FROM (SELECT DISTINCT o.type, o.identity
         FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) o
         WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray) AND d.deptype = 'n'
           AND NOT (d.classid = 'pg_type'::regclass AND d.objid = t.typarray)
           AND coalesce(o.schema, '') <> 'holdpoint') u),
  (SELECT coalesce(json_agg(n.name ORDER BY n.name COLLATE "C"), '[]')
   FROM (SELECT DISTINCT s.name || '.' || quote_ident(p.proname) AS name
         FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
         WHERE p.prosrc ~ ('\m' || regexp_replace(t.typname, '([^[:alnum:]_])', '\\\1', 'g') || '\M')) n)
FROM pg_type t JOIN space ON space.oid = t.typnamespace
WHERE t.typtype = 'e'
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
ORDER BY (space.name || '.' || quote_ident(t.typname)) COLLATE "C"
