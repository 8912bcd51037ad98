\set v 'nix'
SELECT 1, :v;
