SELECT 0;
\ir inc/nowhere.sql
SELECT 3;
