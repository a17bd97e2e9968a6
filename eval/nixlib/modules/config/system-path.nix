# The packages that everybody has: /run/current-system/sw.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  # What every system has. All of it is the host's.
  required = with pkgs; [
    bashInteractive
    coreutils
    diffutils
    findutils
    gnugrep
    gnused
    gnutar
    gzip
    util-linux
  ];
in
{
  options = {
    environment.systemPackages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      example = lib.literalExpression "[ pkgs.git pkgs.vim ]";
      description = ''
        Packages whose programs and files everybody has, below `/run/current-system/sw`. Where two have
        the same file, the one with the lower `meta.priority` wins, then the one that comes first.
      '';
    };

    system.path = mkOption {
      type = types.package;
      internal = true;
      readOnly = true;
      description = "The packages of `environment.systemPackages` as one tree.";
    };
  };

  config = {
    # After those of the configuration, which win.
    environment.systemPackages = lib.mkAfter (required ++ [ config.systemd.package ]);

    system.path = pkgs.buildEnv {
      name = "system-path";
      paths = lib.unique config.environment.systemPackages;
    };
  };
}
