SELECT $größe$ ; $größe$, $é$;$é$;
SELECT $日本$a;b$日本$;
