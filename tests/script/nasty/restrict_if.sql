\restrict abc
SELECT 1;
\if true
SELECT 2;
\endif
