-- Constraints of tables and domains. The triggers that do a foreign key's work aren't listed as
-- triggers; when they are switched off (DISABLE TRIGGER ALL) the constraint only looks as if it held.
-- Constraint triggers are triggers. From server 18 on NOT NULL is a constraint: listed only where it says
-- more than the column does, by a name of its own, NO INHERIT or NOT VALID.
SELECT 'constraint ' || rel.name || '.' || quote_ident(k.conname),
  concat_ws(E'\n', pg_get_constraintdef(k.oid),
    CASE WHEN NOT k.convalidated THEN 'not validated' END,
    CASE WHEN k.coninhcount > 0 THEN 'inherited' END,
    'its triggers are switched off (' || off.how || ')')
FROM rel JOIN pg_constraint k ON k.conrelid = rel.oid
LEFT JOIN (SELECT g.tgconstraint AS oid, string_agg(DISTINCT g.tgenabled::text, '') AS how
           FROM pg_trigger g WHERE g.tgisinternal AND g.tgconstraint <> 0 AND g.tgenabled <> 'O' GROUP BY 1) off
  ON off.oid = k.oid
WHERE k.contype <> 't'
  AND NOT (k.contype = 'n' AND k.convalidated AND NOT k.connoinherit
           AND (k.coninhcount > 0 OR k.conname = rel.relname || '_'
                || (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]) || '_not_null'))
UNION ALL
SELECT 'constraint of domain ' || space.name || '.' || quote_ident(t.typname) || '.' || quote_ident(k.conname),
  concat_ws(E'\n', pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'not validated' END)
FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN space ON space.oid = t.typnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
  AND NOT (k.contype = 'n' AND k.convalidated AND k.conname = t.typname || '_not_null')
