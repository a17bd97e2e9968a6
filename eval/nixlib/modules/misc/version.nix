# Which release a system follows, and what it calls itself.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.system.nixos;
  inherit (lib.trivial) release;

  quote = value: if builtins.match "[A-Za-z0-9_.-]+" value != null then value else builtins.toJSON value;
  osRelease = lib.concatStrings (
    lib.mapAttrsToList (name: value: "${name}=${quote value}\n") (
      {
        NAME = cfg.distroName;
        ID = cfg.distroId;
        VERSION = "${cfg.release} (${cfg.codeName})";
        VERSION_CODENAME = lib.toLower cfg.codeName;
        VERSION_ID = cfg.release;
        BUILD_ID = cfg.version;
        PRETTY_NAME = "${cfg.distroName} ${cfg.release} (${cfg.codeName})";
      }
      // lib.optionalAttrs (cfg.variant_id != null) { VARIANT_ID = cfg.variant_id; }
      // cfg.extraOSReleaseArgs
    )
  );
in
{
  options.system = {
    stateVersion = mkOption {
      type = types.str;
      default = release;
      defaultText = lib.literalExpression "config.system.nixos.release";
      example = "26.05";
      description = ''
        The release that this system was first installed with. Modules keep to it where data on disk
        would otherwise have to be converted; it is not meant to follow upgrades.
      '';
    };

    configurationRevision = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Revision of the sources of this configuration, which the system then records.";
    };

    nixos = {
      version = mkOption {
        type = types.str;
        default = lib.trivial.version;
        defaultText = lib.literalExpression "lib.trivial.version";
        internal = true;
        description = "Full version of the module library.";
      };

      release = mkOption {
        type = types.str;
        default = release;
        readOnly = true;
        description = "Release of the module library, such as `26.11`.";
      };

      codeName = mkOption {
        type = types.str;
        default = "nivis";
        readOnly = true;
        description = "Name of the release.";
      };

      distroId = mkOption {
        type = types.str;
        default = "nixos";
        internal = true;
        description = "Identifier of the operating system in `/etc/os-release`.";
      };

      distroName = mkOption {
        type = types.str;
        default = "NixOS";
        internal = true;
        description = "Name of the operating system in `/etc/os-release`.";
      };

      variant_id = mkOption {
        type = types.nullOr (types.strMatching "^[a-z0-9._-]+$");
        default = null;
        example = "installer";
        description = "Variant of the operating system in `/etc/os-release`.";
      };

      extraOSReleaseArgs = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example = { ANSI_COLOR = "1;34"; };
        description = "Further fields of `/etc/os-release`; they win over those that are set here.";
      };

      tags = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "with-xen" ];
        description = "Words before the version in the default of `system.nixos.label`.";
      };

      label = mkOption {
        type = types.strMatching "[a-zA-Z0-9:_.-]*";
        defaultText = lib.literalExpression "the tags and the version, joined by dashes";
        description = "What lists of generations and boot menus show of this system.";
      };
    };
  };

  config = {
    assertions = [
      {
        assertion = builtins.match "[0-9]{2}\\.[0-9]{2}" config.system.stateVersion != null;
        message = "${config.system.stateVersion} is an invalid value for 'system.stateVersion'; it must be in the format \"YY.MM\".";
      }
    ];

    system.nixos.label = lib.mkDefault (
      lib.concatStringsSep "-" (lib.sort builtins.lessThan cfg.tags ++ [ cfg.version ])
    );

    environment.etc.os-release.text = osRelease;
    environment.etc.lsb-release.text = ''
      DISTRIB_ID=${quote cfg.distroId}
      DISTRIB_RELEASE=${quote cfg.release}
      DISTRIB_CODENAME=${quote (lib.toLower cfg.codeName)}
      DISTRIB_DESCRIPTION=${quote "${cfg.distroName} ${cfg.release} (${cfg.codeName})"}
    '';
  };
}
