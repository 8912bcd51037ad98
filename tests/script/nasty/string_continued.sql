SELECT 'a'
  'b;'

 'c';
SELECT 'a' -- c ;
 'b';
