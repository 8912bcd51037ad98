-- Text search: configurations with their mappings, dictionaries, parsers, templates.
SELECT 'text search configuration ' || space.name || '.' || quote_ident(c.cfgname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(c.cfgowner)),
    'parser ' || (SELECT p.prsnamespace::regnamespace || '.' || quote_ident(p.prsname) FROM pg_ts_parser p WHERE p.oid = c.cfgparser),
    (SELECT string_agg(m.maptokentype || ' by ' || m.mapdict::regdictionary, ', ' ORDER BY m.maptokentype, m.mapseqno)
     FROM pg_ts_config_map m WHERE m.mapcfg = c.oid))
FROM pg_ts_config c JOIN space ON space.oid = c.cfgnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_ts_config'::regclass AND m.objid = c.oid)
UNION ALL
SELECT 'text search dictionary ' || space.name || '.' || quote_ident(d.dictname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(d.dictowner)),
    'template ' || (SELECT t.tmplnamespace::regnamespace || '.' || quote_ident(t.tmplname) FROM pg_ts_template t WHERE t.oid = d.dicttemplate),
    d.dictinitoption)
FROM pg_ts_dict d JOIN space ON space.oid = d.dictnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_ts_dict'::regclass AND m.objid = d.oid)
UNION ALL
SELECT 'text search parser ' || space.name || '.' || quote_ident(p.prsname),
  (to_jsonb(p) - 'oid' - 'prsname' - 'prsnamespace')::text
FROM pg_ts_parser p JOIN space ON space.oid = p.prsnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_ts_parser'::regclass AND m.objid = p.oid)
UNION ALL
SELECT 'text search template ' || space.name || '.' || quote_ident(t.tmplname),
  (to_jsonb(t) - 'oid' - 'tmplname' - 'tmplnamespace')::text
FROM pg_ts_template t JOIN space ON space.oid = t.tmplnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_ts_template'::regclass AND m.objid = t.oid)
