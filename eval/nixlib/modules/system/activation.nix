# What has to be known to make a built system the active one.
#
# The system holds it as `activation.json`, which `nivis switch` reads; no program of the system itself
# has to run. Its fields:
#
#   version            1
#   hostName           name of the machine
#   label              what lists and menus show of the system
#   mutableUsers       whether accounts that are not declared stay
#   users, groups      the accounts, see config/users-groups.nix
#   etcCopies          files of /etc that are copies: `path` below /etc, `mode` in octal, `user` and
#                      `group`, each a name or "+" and a number; their contents are in the etc object
#   activationScripts  `name` and `text` of scripts for a POSIX shell, in the order in which they run,
#                      which is after the files of /etc and the accounts are in place
#   boot               `loader`: "grub", "systemd-boot", "external" or "none"
#                      `timeout`: seconds until the default starts, or null to wait
#                      `kernel`, `initrd`: paths of the running system, the latter may be null
#                      `kernelParams`: words
#                      `grub`: `devices`, `extraConfig`, `extraEntries`, `configurationLimit`
#                      `systemdBoot`: `editor`, `configurationLimit`, which may be null
#                      `installCommands`: shell commands that put the boot loader itself in place
#                      `efi`: `mountPoint` of the EFI system partition, `canTouchVariables`
#   hostPrograms       `package`, `program` and `path` of what the host must have
#   missingPackages    names of packages with nothing behind them
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.system;

  # What has happened when the scripts begin, under the names that scripts of NixOS wait for.
  builtinSteps = [
    "binsh"
    "etc"
    "groups"
    "hostname"
    "specialfs"
    "stdio"
    "tmpfs"
    "udevd"
    "users"
    "usrbinenv"
    "var"
    "wrappers"
  ];

  script = types.submodule {
    options = {
      text = mkOption {
        type = types.lines;
        default = "";
        description = "Commands for a POSIX shell.";
      };
      deps = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Names of the scripts that run before this one.";
      };
    };
  };

  scripts = lib.mapAttrsToList (name: value: {
    inherit name;
    inherit (value) text deps;
  }) cfg.activationScripts;

  check =
    s:
    let
      unknown = builtins.filter (
        dep: !(cfg.activationScripts ? ${dep}) && !builtins.elem dep builtinSteps
      ) s.deps;
    in
    {
      assertion = unknown == [ ];
      message = "The activation script `${s.name}` comes after `${lib.concatStringsSep "', `" unknown}', which is not there.";
    };

  sorted = lib.toposort (a: b: builtins.elem a.name b.deps) scripts;
  ordered =
    sorted.result or (throw "The activation scripts wait for each other: ${
      lib.concatMapStringsSep " -> " (s: s.name) (sorted.cycle ++ sorted.loops)
    }");

  # The main program of each package of the host, and those that modules ask for by name.
  isHost = pkg: builtins.isAttrs pkg && (pkg.hostPrograms or [ ]) != [ ];
  mainProgram =
    pkg:
    let
      main = builtins.head pkg.hostPrograms;
    in
    {
      package = pkg.pname;
      program = main.name;
      inherit (main) path;
    };
  requested =
    { package, program }:
    map (found: {
      package = package.pname;
      program = found.name;
      inherit (found) path;
    }) (builtins.filter (found: found.name == program) (package.hostPrograms or [ ]));
  compare = a: b: "${a.package} ${a.program}" < "${b.package} ${b.program}";
  hostPrograms = lib.sort compare (
    lib.unique (
      map mainProgram (builtins.filter isHost config.environment.systemPackages)
      ++ lib.concatMap requested cfg.activation.hostPrograms
    )
  );
in
{
  options.system = {
    activationScripts = mkOption {
      type = types.attrsOf (types.coercedTo types.str lib.noDepEntry script);
      default = { };
      example = lib.literalExpression ''
        {
          motd = {
            text = "echo welcome > /run/motd";
            deps = [ "etc" ];
          };
        }
      '';
      description = ''
        Scripts that run each time the system becomes active, as a text or with the names of those that
        run before. They should be quick, and do no harm when they run again. The files of `/etc` and
        the accounts are in place when they begin, so that `etc`, `users` and the like may be named.
      '';
    };

    activation = {
      record = mkOption {
        type = types.attrsOf types.unspecified;
        internal = true;
        description = "Fields of `activation.json`.";
      };

      hostPrograms = mkOption {
        type = types.listOf (
          types.submodule {
            options = {
              package = mkOption {
                type = types.package;
                description = "Package that stands for the program.";
              };
              program = mkOption {
                type = types.str;
                description = "Name of the program.";
              };
            };
          }
        );
        default = [ ];
        internal = true;
        description = ''
          Programs that the system needs and that are the host's, unless the package is a built one.
          Those of `environment.systemPackages` need not be listed.
        '';
      };
    };
  };

  config = {
    assertions = map check scripts;

    system.activation.record = {
      version = 1;
      inherit (config.networking) hostName;
      inherit (config.system.nixos) label;
      activationScripts = map (s: { inherit (s) name text; }) (builtins.filter (s: s.text != "") ordered);
      inherit hostPrograms;
      missingPackages = lib.unique (
        lib.sort builtins.lessThan (
          pkgs.hostPrograms.missingOf (
            builtins.filter builtins.isAttrs (config.environment.systemPackages ++ config.system.extraDependencies)
          )
        )
      );
    };
  };
}
