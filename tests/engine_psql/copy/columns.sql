CREATE TABLE "T x"("a""b" int, "C" text, d int DEFAULT 7);
\copy "public" . "T x" ( "a""b" , "C" ) from data/plain.txt
