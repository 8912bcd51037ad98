SET lock_timeout = 0;
SET statement_timeout = '1min';
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
CREATE TABLE t AS SELECT current_setting('transaction_isolation') AS level;
