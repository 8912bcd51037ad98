SELECT 1 \echo in the middle
, 2
\echo own line
, 3;
