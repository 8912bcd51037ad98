\restrict abc
SELECT 1;
\unrestrict abd
SELECT 2;
