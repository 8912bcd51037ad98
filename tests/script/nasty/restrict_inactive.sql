\if false
\restrict abc
\endif
\echo free
SELECT 1;
