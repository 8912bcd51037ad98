  \echo a
SELECT 1
   \echo b
 ;
