-- Who takes WAL from here and how far behind it is, then slots that nobody uses and that keep WAL.
WITH here AS (
  SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
              ELSE pg_current_wal_lsn() END AS lsn
)
SELECT coalesce(nullif(r.application_name, ''), host(r.client_addr), 'pid ' || r.pid),
       coalesce(r.state || CASE WHEN r.sync_state <> 'async' THEN ', ' || r.sync_state ELSE '' END, ''),
       greatest(pg_wal_lsn_diff(here.lsn, r.replay_lsn), 0)::bigint,
       (extract(epoch FROM r.replay_lag) * 1000)::bigint, 'f', r.state IS NULL
FROM pg_stat_replication r, here
UNION ALL
SELECT s.slot_name::text, coalesce(s.wal_status, ''), greatest(pg_wal_lsn_diff(here.lsn, s.restart_lsn), 0)::bigint, NULL, 't', false
FROM pg_replication_slots s, here
WHERE NOT s.active
LIMIT 20
