-- Types that aren't a table's row or an array: enums with their labels in order, composites, domains,
-- ranges, base types.
SELECT CASE t.typtype WHEN 'e' THEN 'enum ' WHEN 'c' THEN 'composite type ' WHEN 'd' THEN 'domain '
            WHEN 'r' THEN 'range type ' ELSE 'type ' END || space.name || '.' || quote_ident(t.typname),
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(t.typowner)),
    CASE t.typtype
      WHEN 'e' THEN (SELECT string_agg('label ' || quote_literal(l.enumlabel), E'\n' ORDER BY l.enumsortorder)
                     FROM pg_enum l WHERE l.enumtypid = t.oid)
      WHEN 'c' THEN (SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                              CASE WHEN a.attcollation <> 0 THEN 'COLLATE ' || a.attcollation::regcollation END),
                              E'\n' ORDER BY a.attnum)
                     FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
      WHEN 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
                      CASE WHEN t.typcollation <> 0 THEN 'COLLATE ' || t.typcollation::regcollation END,
                      CASE WHEN t.typnotnull THEN 'NOT NULL' END,
                      'DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault))
      WHEN 'r' THEN (SELECT concat_ws(' ', 'subtype', format_type(r.rngsubtype, NULL),
                       'multirange', r.rngmultitypid::regtype,
                       'collation ' || CASE WHEN r.rngcollation <> 0 THEN r.rngcollation::regcollation::text END,
                       'operator class', (SELECT quote_ident(o.opcname) FROM pg_opclass o WHERE o.oid = r.rngsubopc),
                       'canonical', r.rngcanonical, 'difference', r.rngsubdiff)
                     FROM pg_range r WHERE r.rngtypid = t.oid)
      ELSE concat_ws(' ', CASE WHEN t.typisdefined THEN 'base' ELSE 'shell' END, 'length', t.typlen, 'by value', t.typbyval,
             'align', t.typalign, 'storage', t.typstorage, 'category', t.typcategory, t.typispreferred,
             'input', t.typinput, 'output', t.typoutput, 'receive', t.typreceive, 'send', t.typsend,
             'modifiers', t.typmodin, t.typmodout, 'analyze', t.typanalyze, t.typsubscript,
             'element', CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END,
             'delimiter', t.typdelim, 'collatable', t.typcollation <> 0, 'default ' || t.typdefault)
    END)
FROM pg_type t JOIN space ON space.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE (t.typrelid = 0 OR c.relkind = 'c')
  AND t.typtype <> 'm'
  AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
