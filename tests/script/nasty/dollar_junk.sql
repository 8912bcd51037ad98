SELECT $tag$ x $junk$tag$;
SELECT $t$ $ $$ $t$;
