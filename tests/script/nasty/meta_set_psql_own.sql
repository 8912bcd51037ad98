\set QUIET on
\set ECHO none
\set VERBOSITY terse
\set AUTOCOMMIT on
SELECT 1;
