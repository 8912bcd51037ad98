SELECT 0
\if true
 ;
SELECT 1
\else
, 3
\endif
;
