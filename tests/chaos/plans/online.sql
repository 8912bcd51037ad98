-- The names below are found by this setting, also after a stop in the middle.
SET search_path = shop, public;
INSERT INTO trail VALUES ('first');
CREATE INDEX CONCURRENTLY orders_customer ON orders (customer);
UPDATE counter SET n = n + 1;
SET work_mem = '8MB';
DROP INDEX CONCURRENTLY orders_old;
COPY trail (what) FROM stdin;
copied one
copied two; with a semicolon
\.
UPDATE counter SET n = n + 10;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_total ON orders (total, id);
ALTER TABLE orders ADD COLUMN note text;
INSERT INTO trail SELECT 'done ' || current_setting('work_mem');
UPDATE counter SET n = n + 100;
