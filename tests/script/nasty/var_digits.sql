\set 1 7
SELECT (ARRAY[1,2,3])[:1], 5;
