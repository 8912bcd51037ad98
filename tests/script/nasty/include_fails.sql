SELECT 0;
\ir inc/fails.sql
SELECT 3;
