\echo hello 'a;b' :given
\qecho x
\warn y
\echo -n z
\echo
SELECT 1;
