\set q ''''
SELECT :q a; b';
SELECT 2;
