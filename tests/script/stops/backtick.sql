SELECT 1;
\set x `echo 5`
SELECT :x;
