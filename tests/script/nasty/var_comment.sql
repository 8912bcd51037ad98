\set c '-- rest'
SELECT 1 :c ; no
; SELECT 2;
