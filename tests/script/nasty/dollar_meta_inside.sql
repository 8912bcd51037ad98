SELECT $$
\echo no
\if false
:x \; $$;
