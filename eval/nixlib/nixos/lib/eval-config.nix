# Evaluates modules together with those of the embedded module library.
{
  # Of the machine, unless the configuration says (`nixpkgs.hostPlatform`).
  system ? builtins.currentSystem or null,
  # A package set to use instead of the one that `nixpkgs.*` describes.
  pkgs ? null,
  baseModules ? import ../../modules/module-list.nix,
  # Further values for all modules: `extraArgs` may depend on the configuration, `specialArgs` may be
  # used in `imports`.
  extraArgs ? { },
  specialArgs ? { },
  modules,
  modulesLocation ? null,
  extraModules ? [ ],
  check ? null,
  prefix ? [ ],
  lib ? import ../../lib,
}:
let
  locate =
    if modulesLocation == null then
      (module: module)
    else
      lib.setDefaultModuleLocation modulesLocation;

  outer = {
    _file = ./eval-config.nix;
    key = ./eval-config.nix;
    config = lib.mkMerge (
      [
        {
          _module.args = {
            inherit baseModules extraModules;
            modules = userModules;
            utils = import ./utils.nix { inherit lib; };
          }
          // extraArgs;
        }
      ]
      ++ lib.optional (check != null) { _module.check = check; }
      ++ lib.optional (system != null) { nixpkgs.system = lib.mkDefault system; }
      ++ lib.optional (pkgs != null) { _module.args.pkgs = lib.mkForce pkgs; }
    );
  };

  userModules = map locate modules ++ extraModules;

  eval = lib.evalModules {
    inherit prefix;
    class = "nixos";
    modules = baseModules ++ [ outer ] ++ userModules;
    specialArgs = {
      modulesPath = toString ../../modules;
    }
    // specialArgs;
  };
in
eval
// {
  inherit extraArgs lib;
  inherit (eval.config._module.args or eval._module.args) pkgs;
}
