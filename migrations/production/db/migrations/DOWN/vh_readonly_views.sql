DROP VIEW views.vh_ventures_by_stage;
DELETE FROM audit.change_log WHERE version = '2025.11' AND object = 'views.vh_ventures_by_stage';
