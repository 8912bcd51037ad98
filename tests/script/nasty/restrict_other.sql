\restrict abc
SELECT 1;
\echo no
SELECT 2;
