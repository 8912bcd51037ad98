-- Row security on every table of engineering: its own application sees all, the venture hub what is active.
ALTER TABLE eng.strategic_directives_v2 ENABLE ROW LEVEL SECURITY;
ALTER TABLE eng.product_requirements_v2 ENABLE ROW LEVEL SECURITY;

CREATE POLICY eng_all ON eng.strategic_directives_v2 TO eng_app USING (true) WITH CHECK (true);
CREATE POLICY vh_active ON eng.strategic_directives_v2 FOR SELECT TO vh_app USING (status = 'active');
CREATE POLICY eng_all ON eng.product_requirements_v2 TO eng_app USING (true) WITH CHECK (true);

INSERT INTO audit.change_log (version, operation, object)
VALUES ('2025.10', 'ENABLE RLS', 'eng.strategic_directives_v2'), ('2025.10', 'ENABLE RLS', 'eng.product_requirements_v2');
