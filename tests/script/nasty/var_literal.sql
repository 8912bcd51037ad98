\set v 'it''s \\ x'
SELECT :'v', 1 AS a:'given';
SELECT :'given';
