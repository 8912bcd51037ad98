-- One row per object of the kinds that are counted: kind, path (schema first), and for functions the
-- argument types. Wrapped by a query that counts, or one that picks kinds; a kind that isn't picked
-- isn't read, since its label is a constant.
, object AS (
  SELECT 'tables' AS kind, ARRAY[rel.nspname, rel.relname]::text[] AS path, NULL::oidvector AS args
  FROM rel WHERE rel.relkind IN ('r', 'p')
  UNION ALL
  SELECT 'views', ARRAY[rel.nspname, rel.relname], NULL FROM rel WHERE rel.relkind IN ('v', 'm')
  UNION ALL
  SELECT 'sequences', ARRAY[rel.nspname, rel.relname], NULL FROM rel WHERE rel.relkind = 'S'
  UNION ALL
  SELECT 'columns', ARRAY[rel.nspname, rel.relname, a.attname], NULL
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
  WHERE rel.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'indexes', ARRAY[rel.nspname, c.relname], NULL
  FROM rel JOIN pg_index i ON i.indrelid = rel.oid JOIN pg_class c ON c.oid = i.indexrelid
  UNION ALL
  SELECT 'invalid_indexes', ARRAY[rel.nspname, c.relname], NULL
  FROM rel JOIN pg_index i ON i.indrelid = rel.oid JOIN pg_class c ON c.oid = i.indexrelid
  WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
  UNION ALL
  -- What a partition has from its parent, or a reference has to partitions, was written once.
  SELECT 'foreign_keys', ARRAY[rel.nspname, rel.relname, k.conname], NULL
  FROM rel JOIN pg_constraint k ON k.conrelid = rel.oid WHERE k.contype = 'f' AND k.conparentid = 0
  UNION ALL
  SELECT 'unvalidated_constraints', ARRAY[rel.nspname, rel.relname, k.conname], NULL
  FROM rel JOIN pg_constraint k ON k.conrelid = rel.oid WHERE NOT k.convalidated
  UNION ALL
  SELECT 'unvalidated_constraints', ARRAY[space.nspname, t.typname, k.conname], NULL
  FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN space ON space.oid = t.typnamespace
  WHERE NOT k.convalidated AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
  UNION ALL
  SELECT 'policies', ARRAY[rel.nspname, rel.relname, p.polname], NULL FROM rel JOIN pg_policy p ON p.polrelid = rel.oid
  UNION ALL
  SELECT 'triggers', ARRAY[rel.nspname, rel.relname, g.tgname], NULL
  FROM rel JOIN pg_trigger g ON g.tgrelid = rel.oid WHERE NOT g.tgisinternal AND g.tgparentid = 0
  UNION ALL
  SELECT 'disabled_triggers', ARRAY[rel.nspname, rel.relname, g.tgname], NULL
  FROM rel JOIN pg_trigger g ON g.tgrelid = rel.oid WHERE NOT g.tgisinternal AND g.tgenabled = 'D'
  UNION ALL
  -- DISABLE TRIGGER ALL switches off what makes a foreign key hold, too: named by the constraint.
  SELECT DISTINCT 'disabled_triggers', ARRAY[rel.nspname, rel.relname, k.conname], NULL::oidvector
  FROM pg_trigger g JOIN rel ON rel.oid = g.tgrelid JOIN pg_constraint k ON k.oid = g.tgconstraint
  WHERE g.tgisinternal AND g.tgenabled = 'D'
  UNION ALL
  SELECT 'functions', ARRAY[space.nspname, p.proname], p.proargtypes
  FROM pg_proc p JOIN space ON space.oid = p.pronamespace
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
    AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i'
                    AND i.refclassid = 'pg_type'::regclass)
  UNION ALL
  SELECT 'enums', ARRAY[space.nspname, t.typname], NULL
  FROM pg_type t JOIN space ON space.oid = t.typnamespace
  WHERE t.typtype = 'e' AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
)
