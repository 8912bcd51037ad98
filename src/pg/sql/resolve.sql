-- Relations that have rows, by their bare names (a JSON list): path, oid, name for SQL. Wider than the
-- inventory: a plan that names an extension's table means it.
SELECT json_build_array(n.nspname, c.relname), c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname IN (SELECT json_array_elements_text($1::json))
  AND c.relkind IN ('r', 'p', 'f', 'm', 'v')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'holdpoint')
