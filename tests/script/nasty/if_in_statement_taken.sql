SELECT 1
\if true
 , 2
\else
 , 3 ;
\endif
, 4;
