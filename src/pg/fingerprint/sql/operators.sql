-- What makes types work: operators, their classes and families, casts, collations, conversions,
-- languages, access methods, transforms. Objects without a schema are ours from the first oid that
-- initdb doesn't give away. Values of every column but the oids, so that a newer server's are in it.
SELECT 'operator ' || space.name || '.' || o.oprname || '(' || format_type(nullif(o.oprleft, 0), NULL) || ', ' || format_type(o.oprright, NULL) || ')',
  concat_ws(' ', 'owner', quote_ident(pg_get_userbyid(o.oprowner)), 'function', o.oprcode, 'result', format_type(o.oprresult, NULL),
    'commutator', o.oprcom::regoperator, 'negator', o.oprnegate::regoperator, 'restrict', o.oprrest, 'join', o.oprjoin,
    CASE WHEN o.oprcanmerge THEN 'merges' END, CASE WHEN o.oprcanhash THEN 'hashes' END)
FROM pg_operator o JOIN space ON space.oid = o.oprnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_operator'::regclass AND m.objid = o.oid)
UNION ALL
SELECT 'operator class ' || space.name || '.' || quote_ident(o.opcname) || ' using ' || am.amname,
  concat_ws(' ', 'owner', quote_ident(pg_get_userbyid(o.opcowner)), 'for', format_type(o.opcintype, NULL),
    CASE WHEN o.opcdefault THEN 'default' END, 'family', f.opfnamespace::regnamespace || '.' || quote_ident(f.opfname),
    'storage ' || format_type(nullif(o.opckeytype, 0), NULL))
FROM pg_opclass o JOIN space ON space.oid = o.opcnamespace JOIN pg_am am ON am.oid = o.opcmethod
JOIN pg_opfamily f ON f.oid = o.opcfamily
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_opclass'::regclass AND m.objid = o.oid)
UNION ALL
SELECT 'operator family ' || space.name || '.' || quote_ident(f.opfname) || ' using ' || am.amname,
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(f.opfowner)),
    (SELECT string_agg('operator ' || x.amopstrategy || ' ' || x.amopopr::regoperator || ' ' || x.amoppurpose::text
                       || coalesce(' order by ' || s.opfname, ''), ', '
                       ORDER BY x.amopstrategy, x.amopopr::regoperator::text)
     FROM pg_amop x LEFT JOIN pg_opfamily s ON s.oid = x.amopsortfamily WHERE x.amopfamily = f.oid),
    (SELECT string_agg('function ' || x.amprocnum || ' ' || x.amproc::regprocedure || ' for '
                       || format_type(x.amproclefttype, NULL) || ', ' || format_type(x.amprocrighttype, NULL), ', '
                       ORDER BY x.amprocnum, x.amproc::regprocedure::text)
     FROM pg_amproc x WHERE x.amprocfamily = f.oid))
FROM pg_opfamily f JOIN space ON space.oid = f.opfnamespace JOIN pg_am am ON am.oid = f.opfmethod
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_opfamily'::regclass AND m.objid = f.oid)
UNION ALL
SELECT 'cast ' || format_type(k.castsource, NULL) || ' as ' || format_type(k.casttarget, NULL),
  concat_ws(' ', CASE k.castmethod WHEN 'f' THEN 'by function ' || k.castfunc::regprocedure WHEN 'i' THEN 'in and out' ELSE 'binary' END,
    CASE k.castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'in assignments' ELSE 'explicit' END)
FROM pg_cast k WHERE k.oid >= 16384
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_cast'::regclass AND m.objid = k.oid)
UNION ALL
SELECT 'collation ' || space.name || '.' || quote_ident(l.collname),
  'owner ' || quote_ident(pg_get_userbyid(l.collowner)) || ' '
    || (to_jsonb(l) - 'oid' - 'collname' - 'collnamespace' - 'collowner' - 'collversion')
FROM pg_collation l JOIN space ON space.oid = l.collnamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_collation'::regclass AND m.objid = l.oid)
UNION ALL
SELECT 'conversion ' || space.name || '.' || quote_ident(v.conname),
  concat_ws(' ', 'owner', quote_ident(pg_get_userbyid(v.conowner)), pg_encoding_to_char(v.conforencoding), 'to',
    pg_encoding_to_char(v.contoencoding), 'by', v.conproc, CASE WHEN v.condefault THEN 'default' END)
FROM pg_conversion v JOIN space ON space.oid = v.connamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_conversion'::regclass AND m.objid = v.oid)
UNION ALL
SELECT 'language ' || quote_ident(l.lanname),
  concat_ws(' ', 'owner', quote_ident(pg_get_userbyid(l.lanowner)), CASE WHEN l.lanpltrusted THEN 'trusted' END,
    'handler', nullif(l.lanplcallfoid, 0)::regprocedure, 'inline', nullif(l.laninline, 0)::regprocedure,
    'validator', nullif(l.lanvalidator, 0)::regprocedure)
FROM pg_language l WHERE l.oid >= 16384
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_language'::regclass AND m.objid = l.oid)
UNION ALL
SELECT 'access method ' || quote_ident(a.amname), 'handler ' || a.amhandler || ' type ' || a.amtype::text
FROM pg_am a WHERE a.oid >= 16384
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_am'::regclass AND m.objid = a.oid)
UNION ALL
SELECT 'transform ' || format_type(t.trftype, NULL) || ' language ' || l.lanname,
  'from ' || t.trffromsql::oid::regprocedure || ' to ' || t.trftosql::oid::regprocedure
FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_transform'::regclass AND m.objid = t.oid)
