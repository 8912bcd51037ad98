SELECT 0;
\ir inc/nested.sql
SELECT 3;
