SELECT 1,

  nix;
