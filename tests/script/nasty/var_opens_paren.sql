\set p '('
SELECT :p 1;
SELECT 2 );
