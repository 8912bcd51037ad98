\if false
\echo no
\! touch /nonexistent/x
\i nowhere.sql
\copy t from 'x' \else
\c other
\gexec
\set x `date`
\dt+ \d
\q
\endif
SELECT 1;
