-- Roles are the cluster's, not the database's: a dump names them and doesn't make them.
CREATE ROLE reader;
CREATE ROLE "Röle with space";
CREATE ROLE app_owner SUPERUSER;
