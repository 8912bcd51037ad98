\set x 1
SELECT :{?x}, :{?y};
\if :{?x}
SELECT 1;
\endif
\if :{?y}
SELECT 2;
\endif
