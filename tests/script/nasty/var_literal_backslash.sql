\set v 'a\\b'
SELECT :'v', x:'v' FROM (SELECT 1 AS x) s;
