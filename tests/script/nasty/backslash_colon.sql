\set x 5
SELECT ARRAY[1,2][1\:x], 2;
