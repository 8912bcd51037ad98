SELECT 1;
\restrict
SELECT 2;
