\set x 1 \\ SELECT :x; SELECT 2;
\echo a\\SELECT 3;
