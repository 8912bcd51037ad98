-- Foreign data wrappers, servers, user mappings. Options that look like secrets are named, never shown:
-- this text is stored.
SELECT 'foreign data wrapper ' || quote_ident(w.fdwname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(w.fdwowner)),
    'handler ' || nullif(w.fdwhandler, 0)::regprocedure, 'validator ' || nullif(w.fdwvalidator, 0)::regprocedure,
    (SELECT string_agg(quote_ident(o.option_name) || '=' || CASE WHEN o.option_name ~* 'pass|secret|token' THEN '***'
                       ELSE quote_literal(o.option_value) END, ', ' ORDER BY o.option_name)
     FROM pg_options_to_table(w.fdwoptions) o))
FROM pg_foreign_data_wrapper w
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_foreign_data_wrapper'::regclass AND m.objid = w.oid)
UNION ALL
SELECT 'server ' || quote_ident(s.srvname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(s.srvowner)), 'wrapper ' || quote_ident(w.fdwname),
    'type ' || s.srvtype, 'version ' || s.srvversion,
    (SELECT string_agg(quote_ident(o.option_name) || '=' || CASE WHEN o.option_name ~* 'pass|secret|token' THEN '***'
                       ELSE quote_literal(o.option_value) END, ', ' ORDER BY o.option_name)
     FROM pg_options_to_table(s.srvoptions) o))
FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_foreign_server'::regclass AND m.objid = s.oid)
UNION ALL
SELECT 'user mapping ' || CASE WHEN u.umuser = 0 THEN 'public' ELSE quote_ident(u.usename) END || ' on server ' || quote_ident(u.srvname),
  coalesce((SELECT string_agg(quote_ident(o.option_name) || '=' || CASE WHEN o.option_name ~* 'pass|secret|token' THEN '***'
                       ELSE quote_literal(o.option_value) END, ', ' ORDER BY o.option_name)
     FROM pg_options_to_table(u.umoptions) o), 'no options, or not to be read')
FROM pg_user_mappings u
