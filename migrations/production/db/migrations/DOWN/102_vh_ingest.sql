DROP TABLE vh.ingest_runs;
DELETE FROM audit.change_log WHERE version = '2025.11' AND object = 'vh.ingest_runs';
