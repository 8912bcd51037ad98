\set x 'a;'
\if false
SELECT :x :'x' :undefined;
\endif
SELECT 1;
