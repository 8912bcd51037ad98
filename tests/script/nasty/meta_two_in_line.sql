\echo a \echo b \set x 1
SELECT :x;
