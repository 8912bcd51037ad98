PREPARE p(int, int) AS SELECT $1 + $2; EXECUTE p(1, 2);
PREPARE q(text) AS SELECT $1||$$;$$;
