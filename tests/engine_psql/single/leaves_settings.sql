-- Whatever the file leaves behind must not reach what holdpoint writes after it.
SET search_path = nowhere;
SET session_replication_role = replica;
SET row_security = off;
SET default_transaction_read_only = on;
SET synchronous_commit = off;
SET client_min_messages = error;
SET lock_timeout = '1ms';
SET datestyle = 'German';
SET bytea_output = escape;
CREATE TABLE public.t(a int);
SET default_tablespace = '';
SET ROLE reader;
