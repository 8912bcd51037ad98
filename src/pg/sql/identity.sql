-- Who and where we are. The environment marker as it is set on the database, not as this session has
-- it, nor as a role has it for itself: anybody can set those.
SELECT current_database(), current_user, current_setting('server_version'), current_setting('server_version_num'),
  d.oid, pg_is_in_recovery(),
  (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user),
  has_database_privilege(d.oid, 'CREATE') OR to_regnamespace('holdpoint') IS NOT NULL,
  (SELECT substr(kv, strpos(kv, '=') + 1) FROM pg_db_role_setting s, unnest(s.setconfig) kv
   WHERE s.setdatabase = d.oid AND s.setrole = 0 AND kv LIKE 'holdpoint.environment=%'),
  (SELECT coalesce(json_agg(p.pubname ORDER BY p.pubname), '[]') FROM pg_publication p WHERE p.puballtables),
  (SELECT coalesce(json_agg(json_build_array(e.evtname, e.evtevent) ORDER BY e.evtname), '[]')
   FROM pg_event_trigger e WHERE e.evtenabled <> 'D'),
  (SELECT coalesce(json_agg(json_build_array(x.gid, x.owner, x.prepared) ORDER BY x.prepared), '[]')
   FROM pg_prepared_xacts x WHERE x.database = current_database()),
  to_regnamespace('holdpoint') IS NOT NULL,
  pg_encoding_to_char(d.encoding)
FROM pg_database d WHERE d.datname = current_database()
