\set x 'SELECT $$'
:x ; $$;
SELECT 2;
