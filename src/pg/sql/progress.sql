-- How far statements are, of those kinds for which the server tells; versions 14 to 18 have all of these.
WITH work AS (
  SELECT pid, datid, relid, command, phase,
         CASE WHEN lockers_total > 0 AND phase LIKE 'waiting for%' THEN lockers_done
              WHEN blocks_total > 0 THEN blocks_done WHEN tuples_total > 0 THEN tuples_done ELSE partitions_done END AS done,
         CASE WHEN lockers_total > 0 AND phase LIKE 'waiting for%' THEN lockers_total
              WHEN blocks_total > 0 THEN blocks_total WHEN tuples_total > 0 THEN tuples_total ELSE partitions_total END AS of,
         CASE WHEN lockers_total > 0 AND phase LIKE 'waiting for%' THEN 'lockers'
              WHEN blocks_total > 0 THEN 'blocks' WHEN tuples_total > 0 THEN 'rows' ELSE 'partitions' END AS unit
  FROM pg_stat_progress_create_index
  UNION ALL
  SELECT pid, datid, relid, 'VACUUM', phase,
         CASE WHEN phase = 'vacuuming heap' THEN heap_blks_vacuumed ELSE heap_blks_scanned END, heap_blks_total, 'blocks'
  FROM pg_stat_progress_vacuum
  UNION ALL
  SELECT pid, datid, relid, 'ANALYZE', phase, sample_blks_scanned, sample_blks_total, 'blocks'
  FROM pg_stat_progress_analyze
  UNION ALL
  SELECT pid, datid, relid, command, phase,
         CASE WHEN heap_blks_total > 0 THEN heap_blks_scanned ELSE heap_tuples_scanned END, heap_blks_total,
         CASE WHEN heap_blks_total > 0 THEN 'blocks' ELSE 'rows' END
  FROM pg_stat_progress_cluster
  UNION ALL
  SELECT pid, datid, relid, command, lower(type),
         CASE WHEN bytes_total > 0 THEN bytes_processed ELSE tuples_processed END, bytes_total,
         CASE WHEN bytes_total > 0 THEN 'bytes' ELSE 'rows' END
  FROM pg_stat_progress_copy
  UNION ALL
  SELECT pid, NULL, NULL, 'BASE BACKUP', phase, backup_streamed, coalesce(backup_total, 0), 'bytes'
  FROM pg_stat_progress_basebackup
)
SELECT w.pid, w.command,
       CASE WHEN d.datname IS NOT NULL
            THEN (SELECT json_build_array(n.nspname, c.relname)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = w.relid) END,
       w.phase, coalesce(w.done, 0), coalesce(w.of, 0), w.unit
FROM work w LEFT JOIN pg_database d ON d.oid = w.datid AND d.datname = current_database()
WHERE w.command IS NOT NULL
ORDER BY w.pid
LIMIT 20
