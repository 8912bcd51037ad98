\timing on
\timing off
\x
\pset format unaligned
\pset pager off
SELECT 1;
