\set x a b 'c d' "e"
SELECT :'x';
\set y :x-:'x'
SELECT :'y';
\unset x
SELECT :'y';
