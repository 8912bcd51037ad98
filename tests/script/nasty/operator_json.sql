SELECT '{"a":1}'::jsonb ? 'a', '{"a":1}'::jsonb ->> 'a', '{}'::jsonb #- '{a}', '[1]'::jsonb @? '$';
