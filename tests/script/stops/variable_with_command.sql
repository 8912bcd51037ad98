SELECT 1;
\set x '1 \\echo hi'
SELECT :x;
SELECT 2;
