\set a ':b'
\set b ':a'
SELECT 1 AS x, ':a', :a;
