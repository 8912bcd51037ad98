SELECT 'role ' || pg_catalog.quote_ident(rolname),
       pg_catalog.concat_ws(' ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolinherit THEN 'inherit' END,
              CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolcreatedb THEN 'createdb' END,
              CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolreplication THEN 'replication' END,
              CASE WHEN rolbypassrls THEN 'bypassrls' END, 'connection limit ' || rolconnlimit,
              'valid until ' || rolvaliduntil::text)
FROM pg_catalog.pg_roles
UNION ALL
SELECT pg_catalog.format('member %I of role %I', m.rolname, r.rolname),
       CASE WHEN pg_catalog.bool_or(a.admin_option) THEN 'with admin option' ELSE '' END
FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_roles r ON r.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member
GROUP BY 1
UNION ALL
SELECT pg_catalog.format('settings of role %I', r.rolname), pg_catalog.array_to_string(s.setconfig, ', ')
FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = 0
UNION ALL
SELECT 'setting of the server ' || name, pg_catalog.string_agg(setting, ', ' ORDER BY seqno)
FROM pg_catalog.pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf' GROUP BY name
UNION ALL
SELECT 'tablespace ' || pg_catalog.quote_ident(spcname), pg_catalog.pg_get_userbyid(spcowner)
FROM pg_catalog.pg_tablespace
UNION ALL
SELECT 'database ' || pg_catalog.quote_ident(datname), pg_catalog.pg_get_userbyid(datdba)
FROM pg_catalog.pg_database
