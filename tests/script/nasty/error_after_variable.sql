\set v 'long value'
SELECT :'v', nix,
 :'v', 1;
