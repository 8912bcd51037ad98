\if false
DO $$ BEGIN
\endif
END $$;
\endif
SELECT 1;
