\restrict abc
SELECT 1;
\restrict abc
