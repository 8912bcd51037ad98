SELECT 1;
\nonsense a b
SELECT 2;
