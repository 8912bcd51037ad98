-- Publications with what they publish; subscriptions of this database without the connection, which
-- holds a password. By JSON where a column came with a later server: all other columns, so that a newer server's are in it.
SELECT 'publication ' || quote_ident(p.pubname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(p.pubowner)),
    (to_jsonb(p) - 'oid' - 'pubname' - 'pubowner')::text,
    (SELECT string_agg('table ' || r.prrelid::regclass::text
                    || coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)
                                         FROM pg_attribute a WHERE a.attrelid = r.prrelid
                                           AND to_jsonb(r) -> 'prattrs' @> to_jsonb(a.attnum)) || ')', '')
                    || coalesce(' WHERE ' || (SELECT to_jsonb(v) ->> 'rowfilter'
                                                  FROM pg_publication_tables v JOIN pg_class c ON c.relname = v.tablename
                                                    AND c.relnamespace = to_regnamespace(quote_ident(v.schemaname))
                                                  WHERE v.pubname = p.pubname AND c.oid = r.prrelid
                                                    AND to_jsonb(r) ->> 'prqual' IS NOT NULL), ''),
                    E'\n' ORDER BY r.prrelid::regclass::text)
                  FROM pg_publication_rel r WHERE r.prpubid = p.oid))
FROM pg_publication p
UNION ALL
SELECT 'subscription ' || quote_ident(s.subname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(s.subowner)), CASE WHEN s.subenabled THEN 'enabled' ELSE 'DISABLED' END,
    'slot ' || s.subslotname, 'synchronous commit ' || s.subsynccommit,
    'publications ' || (SELECT string_agg(quote_ident(x), ', ' ORDER BY x) FROM unnest(s.subpublications) x))
FROM pg_subscription s WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
