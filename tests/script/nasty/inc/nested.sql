SELECT 1;
\ir plain.sql
SELECT 2;
