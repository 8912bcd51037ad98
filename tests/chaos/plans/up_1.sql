CREATE TABLE one (n int);
