\if true
SELECT 1;
SELECT 2
