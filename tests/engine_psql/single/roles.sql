CREATE SCHEMA mine AUTHORIZATION app_owner;
SET ROLE app_owner;
CREATE TABLE mine.a(x int);
RESET ROLE;
SET SESSION AUTHORIZATION app_owner;
CREATE TABLE mine.b(x int);
SET LOCAL search_path = mine;
CREATE TABLE c(x int);
