\set a ':b + 1'
\set b 2
SELECT :a;
\set b 3
SELECT :a, :a;
