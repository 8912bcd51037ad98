SELECT E'a'
 'b';
SELECT 3;
