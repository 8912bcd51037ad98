\echo 'a -- b' -- c /* d
SELECT 1;
