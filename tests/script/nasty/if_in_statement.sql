SELECT 1
\if false
 , 2
\elif false
 , 22
\else
 , 3
\endif
, 4;
