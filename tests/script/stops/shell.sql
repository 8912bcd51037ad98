SELECT 1;
\! true
SELECT 2;
