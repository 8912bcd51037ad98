SELECT 0;
\ir inc/openif.sql
SELECT 3;
