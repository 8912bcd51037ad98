\set e
SELECT 1:e;
SELECT 2 :e ;
:e
SELECT 3;
