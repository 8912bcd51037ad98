-- Sequences without their values.
SELECT 'sequence ' || rel.name,
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(c.relowner)),
    CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
    'AS ' || format_type(s.seqtypid, NULL), 'start ' || s.seqstart, 'increment ' || s.seqincrement,
    'min ' || s.seqmin, 'max ' || s.seqmax, 'cache ' || s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END,
    (SELECT CASE d.deptype WHEN 'i' THEN 'identity of ' ELSE 'owned by ' END
            || d.refobjid::regclass || '.' || quote_ident(a.attname)
     FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
       AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
FROM rel JOIN pg_class c USING (oid) JOIN pg_sequence s ON s.seqrelid = c.oid
