SELECT (1
\if false
 ((( ;
\else
 + 1)
\endif
;
SELECT 2;
