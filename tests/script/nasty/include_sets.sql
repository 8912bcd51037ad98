\ir inc/sets.sql
SELECT :x;
