CREATE TABLE t (a text);
SET work_mem = '7MB';
CREATE TEMP TABLE gone (a int);
\c
INSERT INTO t VALUES (current_setting('work_mem')), (to_regclass('gone')::text);
\c - postgres
INSERT INTO t VALUES ('again');
