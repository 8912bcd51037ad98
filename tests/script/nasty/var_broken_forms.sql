\set x 1
SELECT ':x' AS a, :x AS ":x"; SELECT 1 AS b, :'x ' FROM t;
