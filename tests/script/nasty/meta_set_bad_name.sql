SELECT 1;
\set a-b 1
SELECT 2;
