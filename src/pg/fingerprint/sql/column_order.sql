-- The columns of each table in their order, as a JSON list of names.
SELECT rel.name, json_agg(a.attname ORDER BY a.attnum)
FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
WHERE a.attnum > 0 AND NOT a.attisdropped AND rel.relkind IN ('r', 'p', 'f')
GROUP BY rel.name
