# Environment of login and interactive shells.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.environment;

  variables =
    description: example:
    mkOption {
      type = types.attrsOf (
        types.oneOf [
          (types.listOf (types.oneOf [ types.int types.str types.path ]))
          types.int
          types.str
          types.path
        ]
      );
      default = { };
      apply = builtins.mapAttrs (
        _: value: if builtins.isList value then lib.concatMapStringsSep ":" toString value else toString value
      );
      inherit description example;
    };

  scriptOption =
    description:
    mkOption {
      type = types.lines;
      default = "";
      inherit description;
    };

  # Values may refer to other variables, so they stand in double quotes.
  export = name: value: "export ${name}=\"${value}\"\n";
  aliases = lib.concatStrings (
    lib.mapAttrsToList (name: value: "alias -- ${lib.escapeShellArg name}=${lib.escapeShellArg value}\n") (
      lib.filterAttrs (_: value: value != null) cfg.shellAliases
    )
  );
in
{
  options.environment = {
    variables = variables ''
      Variables of the environment of all shells. Lists are joined by colons.
    '' {
      EDITOR = "vim";
    };

    sessionVariables = variables ''
      Variables that are set when a session begins, also for programs that no shell starts.
    '' {
      LESS = "-R";
    };

    profiles = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Trees of packages whose `bin` is searched for programs, the first one first.";
    };

    shells = mkOption {
      type = types.listOf (types.either types.shellPackage types.path);
      default = [ ];
      example = lib.literalExpression "[ pkgs.zsh ]";
      description = "Shells that users may choose as their login shell, for `/etc/shells`.";
    };

    shellAliases = mkOption {
      type = types.attrsOf (types.nullOr (types.either types.str types.path));
      default = { };
      example = {
        ll = "ls -l";
      };
      description = "Short names for commands in interactive shells; null removes one.";
    };

    shellInit = scriptOption "Commands that every shell runs when it starts.";
    loginShellInit = scriptOption "Commands that login shells run when they start.";
    interactiveShellInit = scriptOption "Commands that interactive shells run when they start.";
    extraInit = scriptOption "Commands at the end of `/etc/set-environment`.";
  };

  config = {
    environment.profiles = lib.mkMerge [
      (lib.mkBefore [ "$HOME/.nix-profile" ])
      (lib.mkOrder 1600 [
        "/nix/var/nix/profiles/default"
        "/run/current-system/sw"
      ])
    ];

    environment.variables = cfg.sessionVariables;

    environment.shells = [
      "/bin/sh"
      "/run/current-system/sw/bin/bash"
      "/run/current-system/sw/bin/sh"
    ];

    environment.etc = {
      # Programs that are not part of the system are the host's and lie where the host has them.
      set-environment.text = ''
        # Written from `environment.variables` and its kin.
        export __NIXOS_SET_ENVIRONMENT_DONE=1
      ''
      + lib.concatStrings (lib.mapAttrsToList export cfg.variables)
      + ''
        export PATH="/run/wrappers/bin:${
          lib.concatMapStringsSep ":" (profile: "${profile}/bin") cfg.profiles
        }:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
      ''
      + cfg.extraInit;

      profile.text = ''
        # Read by login shells.
        if [ -n "$__ETC_PROFILE_SOURCED" ]; then return; fi
        __ETC_PROFILE_SOURCED=1
        if [ -z "$__NIXOS_SET_ENVIRONMENT_DONE" ]; then . /etc/set-environment; fi
        ${cfg.shellInit}
        ${cfg.loginShellInit}
        if [ -n "$BASH_VERSION" ] && [ -n "$PS1" ]; then . /etc/bashrc; fi
      '';

      bashrc.text = ''
        # Read by interactive shells.
        if [ -n "$__ETC_BASHRC_SOURCED" ]; then return; fi
        __ETC_BASHRC_SOURCED=1
        if [ -z "$__ETC_PROFILE_SOURCED" ]; then . /etc/profile; fi
        ${aliases}
        ${cfg.interactiveShellInit}
      '';

      shells.text = lib.concatMapStrings (
        shell: "${if builtins.isAttrs shell then "/run/current-system/sw${shell.shellPath}" else shell}\n"
      ) (lib.unique cfg.shells);
    };
  };
}
