SELECT 1 AS a -- :x
, ':x', ":y" FROM (SELECT 1 AS ":y") s; SELECT $$:x$$ /* :x */;
SELECT :'x';
