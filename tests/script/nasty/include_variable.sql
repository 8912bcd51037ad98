\set f inc/plain.sql
\ir :f
SELECT 3;
