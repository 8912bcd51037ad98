SELECT 1
\ir inc/plain.sql
, 2;
