# `<nixpkgs/nixos>`: the system that a configuration describes.
{
  configuration ? <nixos-config>,
  system ? builtins.currentSystem,
}:
let
  eval = import ./lib/eval-config.nix {
    inherit system;
    modules = [ configuration ];
  };
in
{
  inherit (eval)
    config
    extendModules
    options
    pkgs
    ;

  /**
    The whole system as one derivation.
  */
  system = eval.config.system.build.toplevel;
}
