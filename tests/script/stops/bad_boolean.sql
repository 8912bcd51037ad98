SELECT 1;
\if :undefined
SELECT 2;
\endif
SELECT 3;
