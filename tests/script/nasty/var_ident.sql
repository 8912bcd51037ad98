\set c 'A "b'
SELECT 1 AS :"c", 2 AS :"given";
