-- Functions, procedures, window functions and aggregates. Argument names are part of the definition,
-- not of the identity. What a range type brings along (an internal dependency) belongs to the type.
SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' ELSE 'function ' END
    || space.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')',
  concat_ws(E'\n', 'owner ' || quote_ident(pg_get_userbyid(p.proowner)),
    CASE WHEN p.prokind = 'a' THEN
      concat_ws(' ', 'returns', pg_get_function_result(p.oid), 'arguments', pg_get_function_arguments(p.oid),
        'parallel', p.proparallel, 'strict', p.proisstrict,
        (SELECT (to_jsonb(g) - 'aggfnoid' - 'aggtranstype' - 'aggmtranstype' - 'aggsortop')::text
                || ' state ' || format_type(g.aggtranstype, NULL)
                || ' moving state ' || CASE WHEN g.aggmtranstype = 0 THEN 'none' ELSE format_type(g.aggmtranstype, NULL) END
                || ' sort operator ' || g.aggsortop::regoperator
         FROM pg_aggregate g WHERE g.aggfnoid = p.oid))
    ELSE pg_get_functiondef(p.oid) END)
FROM pg_proc p JOIN space ON space.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
  AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i'
                    AND i.refclassid = 'pg_type'::regclass)
