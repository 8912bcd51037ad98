SELECT 1
\set x 5
 , :x;
