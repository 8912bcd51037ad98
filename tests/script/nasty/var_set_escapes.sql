\set x 'a\tb\n\101\x42\q''z'
SELECT :'x';
