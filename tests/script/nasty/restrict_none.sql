SELECT 1;
\unrestrict abc
SELECT 2;
