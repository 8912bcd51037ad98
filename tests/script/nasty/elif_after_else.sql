\if false
\else
SELECT 2;
\elif true
SELECT 3;
\endif
