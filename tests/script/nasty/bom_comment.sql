-- c

SELECT 1;