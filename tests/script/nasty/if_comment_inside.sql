\if false
/* \endif */ -- \endif
\else
SELECT 1;
\endif
