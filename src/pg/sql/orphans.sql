-- For each foreign key: its path, and the query that counts the rows that break it. As the server's
-- own check: the operators and the collation of the constraint, a row with a NULL in its key is fine
-- unless MATCH FULL, children by inheritance don't take part, partitions do. NOT VALID ones and those
-- whose triggers were off are the reason to ask, so no constraint is left out.
SELECT json_build_array(rel.nspname, rel.relname, k.conname),
  format('SELECT count(*) FROM %s%s x WHERE %s AND NOT EXISTS (SELECT FROM %s%s y WHERE %s)',
    CASE WHEN rel.relkind = 'p' THEN '' ELSE 'ONLY ' END, rel.name,
    CASE WHEN k.confmatchtype = 'f' THEN '(' || keys.some_set || ')' ELSE keys.all_set END,
    CASE WHEN ref.relkind = 'p' THEN '' ELSE 'ONLY ' END,
    quote_ident(refspace.nspname) || '.' || quote_ident(ref.relname), keys.equal),
  coalesce((to_jsonb(k) ->> 'conperiod')::bool, false)
FROM rel JOIN pg_constraint k ON k.conrelid = rel.oid
JOIN pg_class ref ON ref.oid = k.confrelid JOIN pg_namespace refspace ON refspace.oid = ref.relnamespace
CROSS JOIN LATERAL (
  SELECT string_agg(format('x.%I IS NOT NULL', f.attname), ' AND ') AS all_set,
         string_agg(format('x.%I IS NOT NULL', f.attname), ' OR ') AS some_set,
         string_agg(format('y.%I OPERATOR(%I.%s) x.%I%s', p.attname, os.nspname, o.oprname, f.attname,
           CASE WHEN p.attcollation <> 0 AND f.attcollation <> p.attcollation
                THEN (SELECT format(' COLLATE %I.%I', ls.nspname, l.collname) FROM pg_collation l
                      JOIN pg_namespace ls ON ls.oid = l.collnamespace WHERE l.oid = p.attcollation)
                ELSE '' END), ' AND ') AS equal
  FROM unnest(k.conkey, k.confkey, k.conpfeqop) c(fkey, pkey, op)
  JOIN pg_attribute f ON f.attrelid = k.conrelid AND f.attnum = c.fkey
  JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = c.pkey
  JOIN pg_operator o ON o.oid = c.op JOIN pg_namespace os ON os.oid = o.oprnamespace
) keys
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY rel.nspname, rel.relname, k.conname
