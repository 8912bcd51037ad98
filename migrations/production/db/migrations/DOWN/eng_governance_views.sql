DROP VIEW views.eng_governance_summary;
DROP SCHEMA views;
DELETE FROM audit.change_log WHERE version = '2025.10' AND object = 'views.eng_governance_summary';
