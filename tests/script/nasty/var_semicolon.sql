\set x 'SELECT 1; SELECT 2'
:x; SELECT 3;
