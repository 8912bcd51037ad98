\if no
SELECT 1;
\else
SELECT 2;
\endif
\if yes
SELECT 3;
\else
SELECT 4;
\endif
