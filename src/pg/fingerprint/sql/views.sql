-- Views and rewrite rules. A view's own rule is its query.
SELECT 'view ' || rel.name,
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(c.relowner)),
    'options ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o),
    'AS ' || pg_get_viewdef(c.oid))
FROM rel JOIN pg_class c USING (oid) WHERE c.relkind = 'v'
UNION ALL
SELECT 'rule ' || rel.name || '.' || quote_ident(r.rulename),
  concat_ws(E'\n', pg_get_ruledef(r.oid), CASE WHEN r.ev_enabled <> 'O' THEN 'enabled: ' || r.ev_enabled::text END)
FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid
WHERE NOT (r.rulename = '_RETURN' AND r.ev_type = '1')
