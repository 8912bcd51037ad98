SELECT 1;
\i /nonexistent/x.sql
SELECT 2;
