SELECT 'größe; ✓ 日本', 'é';
SELECT 1 AS größe;
