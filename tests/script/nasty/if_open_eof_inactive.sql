SELECT 1
\if false
SELECT 2;
