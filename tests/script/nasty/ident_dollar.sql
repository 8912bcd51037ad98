CREATE TABLE a$b$c (x$ int); SELECT x$ FROM a$b$c; SELECT 1;
