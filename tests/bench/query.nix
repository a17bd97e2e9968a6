# The Perl packages of a nixpkgs tree, for `nix-env` to list.
{ nixpkgs }:
let pkgs = import nixpkgs { config = { }; system = "x86_64-linux"; };
in pkgs.recurseIntoAttrs pkgs.perlPackages
