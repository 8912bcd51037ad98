CREATE TABLE two (n int);
