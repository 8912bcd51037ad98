\ir inc/bom.sql
SELECT 3;
