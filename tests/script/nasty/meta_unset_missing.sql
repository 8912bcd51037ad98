SELECT 1;
\unset
