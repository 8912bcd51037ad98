-- What analysts see of engineering: a summary, never the rows.
CREATE SCHEMA views;
GRANT USAGE ON SCHEMA views TO analyst_ro, vh_app;

CREATE VIEW views.eng_governance_summary AS
SELECT d.status, count(DISTINCT d.id) AS directives, count(r.id) AS requirements
FROM eng.strategic_directives_v2 AS d LEFT JOIN eng.product_requirements_v2 AS r ON r.directive = d.id
GROUP BY d.status;
GRANT SELECT ON views.eng_governance_summary TO analyst_ro, vh_app;

INSERT INTO audit.change_log (version, operation, object)
VALUES ('2025.10', 'CREATE VIEW', 'views.eng_governance_summary');
