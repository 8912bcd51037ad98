SELECT 0;
\if false
\nonsense
\endif
SELECT 1;
