\if false
SELECT '
\endif
';
SELECT 'x';
\else
SELECT 1;
\endif
SELECT 2;
