\set x 2
\if false
SELECT 1;
\elif 0
SELECT 'no';
\elif true
SELECT 2;
\else
SELECT 3;
\endif
SELECT 4;
