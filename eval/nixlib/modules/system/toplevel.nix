# The whole system as one derivation, and what it is made of.
#
# It is a tree of:
#
#   activation.json    see activation.nix
#   etc                link to the files of /etc
#   sw                 link to the packages that everybody has
#   init               starts the system, as the kernel's parameter `init=` names it
#   kernel, initrd     links to what boots, which are files of the machine
#   kernel-params      parameters of the kernel
#   nixos-version, system, configuration-revision, extra-dependencies: facts, as text
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.system;

  # An assertion of the configuration itself is told with its place; one of a module says enough.
  describe =
    check:
    let
      position = builtins.unsafeGetAttrPos "assertion" check;
    in
    if position == null || lib.hasPrefix (toString ../.) position.file then
      check.message
    else
      "${check.message} (${position.file}:${toString position.line}:${toString position.column})";
  failed = map describe (builtins.filter (check: !check.assertion) config.assertions);
  checked =
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}"
    else
      lib.showWarnings config.warnings;

  text = path: text: {
    inherit path text;
    mode = "0644";
  };
  link = path: target: {
    inherit path target;
    mode = "symlink";
  };

  # The first process. What has to happen at a switch has happened when it starts; it only says
  # which system was booted.
  init = ''
    #!/bin/sh
    system=''${0%/init}
    ln -sfn "$system" /run/booted-system
    ln -sfn "$system" /run/current-system
    for systemd in ${lib.concatStringsSep " " systemdPlaces}; do
      if [ -x "$systemd" ]; then exec "$systemd" "$@"; fi
    done
    echo "init: there is no systemd; here is a shell" >&2
    exec /bin/sh
  '';

  # A package set that builds systemd has it there; otherwise it is the machine's.
  systemdPlaces =
    lib.optional (config.systemd.package.hostPrograms or [ ] == [ ]) "${config.systemd.package}/lib/systemd/systemd"
    ++ [
      "/lib/systemd/systemd"
      "/usr/lib/systemd/systemd"
    ];

  toplevel = pkgs.linkTree {
    name = "nixos-system-${cfg.name}-${cfg.nixos.label}";
    entries = [
      (text "activation.json" (builtins.toJSON cfg.activation.record))
      (link "etc" "${cfg.build.etc}/etc")
      (link "sw" "${cfg.path}")
      {
        path = "init";
        text = init;
        mode = "0755";
      }
      (text "kernel-params" (toString config.boot.kernelParams))
      (text "nixos-version" cfg.nixos.label)
      (text "system" pkgs.stdenv.hostPlatform.system)
      (text "extra-dependencies" (lib.concatMapStrings (x: "${x}\n") cfg.extraDependencies))
    ]
    ++ lib.optional (cfg.configurationRevision != null) (
      text "configuration-revision" cfg.configurationRevision
    )
    ++ lib.optionals (!config.boot.isContainer) (
      [ (link "kernel" cfg.activation.record.boot.kernel) ]
      ++ lib.optional (cfg.activation.record.boot.initrd != null) (
        link "initrd" cfg.activation.record.boot.initrd
      )
    );
    passthru = {
      inherit (cfg.activation) record;
    };
    meta.description = "The system ${cfg.name}";
  };
in
{
  options.system = {
    build = mkOption {
      type = types.submodule {
        freeformType = types.lazyAttrsOf types.unspecified;
        options.toplevel = mkOption {
          type = types.package;
          readOnly = true;
          description = "The whole system.";
        };
      };
      default = { };
      description = "Derivations that the system is made of; modules may add their own.";
    };

    name = mkOption {
      type = types.str;
      default = if config.networking.hostName == "" then "unnamed" else config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "Name of the system, which is part of the name of its store object.";
    };

    extraDependencies = mkOption {
      type = types.listOf types.pathInStore;
      default = [ ];
      description = "Store objects that are kept as long as the system is, without being part of it.";
    };
  };

  config.system.build.toplevel = checked toplevel;
}
