SELECT 0;
\if true
\ir inc/endif.sql
\endif
