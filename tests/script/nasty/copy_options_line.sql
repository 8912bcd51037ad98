CREATE TABLE t(a text);
COPY t (a)
FROM
 STDIN -- c
 WITH DELIMITER ',' NULL 'x'
;
a
\.
SELECT 1;
