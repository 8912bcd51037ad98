\set x TRUE
\if :x
SELECT 1;
\endif
\if 'off'
SELECT 2;
\else
SELECT 3;
\endif
