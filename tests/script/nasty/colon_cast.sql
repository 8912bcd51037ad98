\set int 5
SELECT 1::int, '2'::int::text, 3 ::int;
SELECT '{1,2,3}'::int[], (ARRAY[1,2])[1:2];
