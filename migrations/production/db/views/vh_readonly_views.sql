-- What analysts see of the venture hub.
CREATE VIEW views.vh_ventures_by_stage AS
SELECT stage, count(*) AS ventures FROM vh.ventures GROUP BY stage;
GRANT SELECT ON views.vh_ventures_by_stage TO analyst_ro;

INSERT INTO audit.change_log (version, operation, object)
VALUES ('2025.11', 'CREATE VIEW', 'views.vh_ventures_by_stage');
