CREATE TABLE t(a int);
DO $$
BEGIN
  INSERT INTO t VALUES (1);
  RAISE EXCEPTION USING MESSAGE = E'two\nlines; "quoted"', ERRCODE = 'ABCDE', DETAIL = 'it''s', HINT = 'h';
END
$$;
SELECT 1;
