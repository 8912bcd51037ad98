DROP POLICY eng_all ON eng.product_requirements_v2;
DROP POLICY vh_active ON eng.strategic_directives_v2;
DROP POLICY eng_all ON eng.strategic_directives_v2;
ALTER TABLE eng.product_requirements_v2 DISABLE ROW LEVEL SECURITY;
ALTER TABLE eng.strategic_directives_v2 DISABLE ROW LEVEL SECURITY;
DELETE FROM audit.change_log WHERE version = '2025.10' AND operation = 'ENABLE RLS';
