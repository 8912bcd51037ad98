SELECT 'included';
SELECT 'open'
