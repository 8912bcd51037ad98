\if true
\if false
SELECT 1;
\else
SELECT 2;
\endif
\else
\if true
SELECT 3;
\else
SELECT 4;
\endif
\endif
SELECT 5;
