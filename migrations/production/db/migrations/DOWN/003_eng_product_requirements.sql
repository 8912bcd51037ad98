DROP TABLE eng.product_requirements_v2;
DELETE FROM audit.change_log
WHERE version = '2025.10' AND object = 'eng.product_requirements_v2' AND operation IN ('CREATE TABLE', 'INSERT');
