-- For another session: names of relations that an open transaction has dropped. Only what was
-- committed before is here, so what the transaction itself made and dropped again stays nameless.
SELECT t.oid, n.nspname, t.relname
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE c.oid::text IN (SELECT json_array_elements_text($1::json))
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'holdpoint')
