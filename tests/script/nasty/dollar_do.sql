DO $$
BEGIN
  -- a ; comment '
  PERFORM 1;

  RAISE NOTICE 'x';
END;
$$;
SELECT 1;
