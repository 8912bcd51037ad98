\if false
\ir inc/plain.sql
\else
\ir inc/nested.sql
\endif
