-- Foreign keys as written, not once more for each partition: who refers to whom, by which columns.
SELECT rel.name, target.name, quote_ident(k.conname),
  (SELECT json_agg(a.attname ORDER BY c.at) FROM unnest(k.conkey) WITH ORDINALITY AS c(attnum, at)
   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum),
  (SELECT json_agg(a.attname ORDER BY c.at) FROM unnest(k.confkey) WITH ORDINALITY AS c(attnum, at)
   JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.attnum),
  CASE k.confdeltype WHEN 'c' THEN 'ON DELETE CASCADE' WHEN 'n' THEN 'ON DELETE SET NULL'
       WHEN 'd' THEN 'ON DELETE SET DEFAULT' WHEN 'r' THEN 'ON DELETE RESTRICT' ELSE '' END,
  k.convalidated
FROM rel JOIN pg_constraint k ON k.conrelid = rel.oid JOIN rel target ON target.oid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY rel.name COLLATE "C", target.name COLLATE "C", k.conname COLLATE "C"
