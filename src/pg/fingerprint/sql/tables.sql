-- Tables of all kinds, and materialized views as far as they are stored like tables.
SELECT rel.word || ' ' || rel.name,
  concat_ws(E'\n',
    CASE c.relpersistence WHEN 'u' THEN 'unlogged' WHEN 'p' THEN 'logged' ELSE c.relpersistence::text END,
    'owner ' || quote_ident(pg_get_userbyid(c.relowner)),
    CASE WHEN c.relrowsecurity THEN 'row security on' END,
    CASE WHEN c.relforcerowsecurity THEN 'row security forced' END,
    'access method ' || quote_ident(am.amname),
    'tablespace ' || quote_ident(ts.spcname),
    'of type ' || CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
    CASE WHEN c.relkind = 'p' THEN 'partition by ' || pg_get_partkeydef(c.oid) END,
    CASE WHEN c.relispartition THEN 'partition ' || pg_get_expr(c.relpartbound, c.oid) END,
    'inherits ' || (SELECT string_agg(i.inhparent::regclass::text
                                      || CASE WHEN i.inhdetachpending THEN ' (detaching)' ELSE '' END,
                                      ', ' ORDER BY i.inhseqno)
                    FROM pg_inherits i WHERE i.inhrelid = c.oid),
    CASE c.relreplident WHEN 'f' THEN 'replica identity full' WHEN 'n' THEN 'replica identity nothing'
                        WHEN 'i' THEN 'replica identity by an index' END,
    'options ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o),
    'toast options ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM pg_class t, unnest(t.reloptions) o
                         WHERE t.oid = c.reltoastrelid),
    'server ' || quote_ident(fs.srvname),
    'foreign options ' || (SELECT string_agg(quote_ident(o.option_name) || '='
                             || CASE WHEN o.option_name ~* 'pass|secret|token' THEN '***' ELSE quote_literal(o.option_value) END,
                             ', ' ORDER BY o.option_name)
                           FROM pg_options_to_table(ft.ftoptions) o),
    CASE WHEN c.relkind = 'm' THEN CASE WHEN c.relispopulated THEN 'populated' ELSE 'not populated' END END,
    CASE WHEN c.relkind = 'm' THEN 'AS ' || pg_get_viewdef(c.oid) END)
FROM rel JOIN pg_class c USING (oid)
LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
LEFT JOIN pg_foreign_server fs ON fs.oid = ft.ftserver
WHERE c.relkind IN ('r', 'p', 'f', 'm')
