\set x 1
\unset x
\unset y
SELECT 1 AS a, ':x'; SELECT :x;
