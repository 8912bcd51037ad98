SELECT 1;
SELECT
  2,
  nix,
  3;
SELECT 4;
