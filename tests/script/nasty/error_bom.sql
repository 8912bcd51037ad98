SELECT nix;
