# Settings of Nix and nivis: /etc/nix/nix.conf, and when the store is cleaned.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.nix;
  atom = types.nullOr (
    types.oneOf [
      types.bool
      types.int
      types.float
      types.str
      types.path
      types.package
    ]
  );
  show =
    value:
    if value == true then
      "true"
    else if value == false then
      "false"
    else if builtins.isList value then
      lib.concatMapStringsSep " " show value
    else
      toString value;
  # Settings that begin with "extra-" add to others, so they come last.
  isExtra = name: lib.hasPrefix "extra-" name;
  lines = lib.mapAttrsToList (name: value: "${name} = ${show value}\n");
  given = lib.filterAttrs (_: value: value != null) cfg.settings;
  text =
    lib.concatStrings (
      lines (lib.filterAttrs (name: _: !isExtra name) given)
      ++ lines (lib.filterAttrs (name: _: isExtra name) given)
    )
    + lib.optionalString (cfg.extraOptions != "") "${cfg.extraOptions}\n";
in
{
  options.nix = {
    package = lib.mkPackageOption pkgs "nix" { };

    settings = mkOption {
      type = types.attrsOf (types.either atom (types.listOf atom));
      default = { };
      example = {
        experimental-features = [
          "nix-command"
          "flakes"
        ];
        max-jobs = 4;
      };
      description = "Settings in `/etc/nix/nix.conf`.";
    };

    extraOptions = mkOption {
      type = types.lines;
      default = "";
      example = "keep-outputs = true";
      description = "Lines for the end of `/etc/nix/nix.conf`.";
    };

    gc = {
      automatic = mkOption {
        type = types.bool;
        default = false;
        description = "Whether the store is cleaned of what nothing needs any more, from time to time.";
      };

      dates = mkOption {
        type = types.either types.str (types.listOf types.str);
        default = "03:15";
        apply = lib.toList;
        example = "weekly";
        description = "When that happens, in the form of {manpage}`systemd.time(7)`.";
      };

      options = mkOption {
        type = types.singleLineStr;
        default = "";
        example = "--delete-older-than 30d";
        description = "Arguments of `nix-collect-garbage`.";
      };

      persistent = mkOption {
        type = types.bool;
        default = true;
        description = "Whether it is made up for when the machine was off at the time.";
      };

      randomizedDelaySec = mkOption {
        type = types.singleLineStr;
        default = "0";
        example = "45min";
        description = "Up to how much later it begins, by chance.";
      };
    };
  };

  config = {
    environment.etc."nix/nix.conf" = lib.mkIf (text != "") { inherit text; };

    systemd.services.nix-gc = lib.mkIf cfg.gc.automatic {
      description = "Nix Garbage Collector";
      script = "exec ${cfg.package}/bin/nix-collect-garbage ${cfg.gc.options}";
      serviceConfig.Type = "oneshot";
      startAt = cfg.gc.dates;
    };
    systemd.timers.nix-gc = lib.mkIf cfg.gc.automatic {
      timerConfig = {
        RandomizedDelaySec = cfg.gc.randomizedDelaySec;
        Persistent = cfg.gc.persistent;
      };
    };
  };
}
