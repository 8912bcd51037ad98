-- Triggers without the internal ones (their names carry oids; constraints tell of them), event triggers.
SELECT 'trigger ' || rel.name || '.' || quote_ident(g.tgname),
  concat_ws(E'\n', pg_get_triggerdef(g.oid),
    CASE g.tgenabled WHEN 'O' THEN NULL WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'enabled on replicas only'
                     WHEN 'A' THEN 'enabled always' END)
FROM rel JOIN pg_trigger g ON g.tgrelid = rel.oid WHERE NOT g.tgisinternal
UNION ALL
SELECT 'event trigger ' || quote_ident(e.evtname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(e.evtowner)), 'on ' || e.evtevent,
    'tags ' || (SELECT string_agg(t, ', ' ORDER BY t) FROM unnest(e.evttags) t),
    'execute ' || e.evtfoid::regprocedure,
    CASE e.evtenabled WHEN 'O' THEN NULL WHEN 'D' THEN 'DISABLED' ELSE 'enabled: ' || e.evtenabled::text END)
FROM pg_event_trigger e
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid)
