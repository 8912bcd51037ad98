\ir inc/plain.sql;
\include_relative 'inc/plain.sql' 
SELECT 3;
