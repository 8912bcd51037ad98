SELECT 1 AS "a;b", 2 AS "a""b;", 3 AS "--", 4 AS "/*";
SELECT 5 AS "a
b;

c";
