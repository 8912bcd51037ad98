\set x 'SELECT 1\n  , 2'
:x;
SELECT 3;
