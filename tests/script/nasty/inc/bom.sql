SELECT 'bom';
