\set x 5
SELECT :x;
\if true
SELECT 6;
\endif
\echo hi
