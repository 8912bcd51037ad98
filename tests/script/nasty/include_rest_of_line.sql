\ir inc/sets.sql \\ SELECT :x; SELECT 2;
