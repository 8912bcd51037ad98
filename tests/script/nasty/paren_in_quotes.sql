SELECT '(', "x(", $$($$ FROM (SELECT 1 AS "x(") s; SELECT 2 /* ( */; SELECT 3 -- (
;
