SELECT $$a;b$$, $$'$$, $$ " -- /* $$;
SELECT $$

;$$;
