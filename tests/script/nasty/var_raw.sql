\set t pg_class
\set n 5
SELECT :n, :n+1,:n FROM :t LIMIT :n;
SELECT :undefined;
