SELECT 1;
SELECT 'größe ✓', '日本',

  'é' || nix;
