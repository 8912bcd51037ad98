SELECT 1;
\set x 'abc
SELECT 2;
