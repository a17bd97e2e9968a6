# Files and directories that are made, emptied and removed when the machine starts.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.systemd.tmpfiles;
  entry =
    path: kind: entry:
    lib.concatStringsSep " " (
      [
        kind
        "'${path}'"
        entry.mode
        entry.user
        entry.group
        entry.age
      ]
      ++ lib.optional (entry.argument != "") entry.argument
    );
  field =
    default: description:
    mkOption {
      type = types.str;
      inherit default description;
    };
in
{
  options = {
    systemd.tmpfiles = {
      rules = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "d /tmp 1777 root root 10d" ];
        description = "Rules, in the form of {manpage}`tmpfiles.d(5)`.";
      };

      settings = mkOption {
        type = types.attrsOf (
          types.attrsOf (
            types.attrsOf (
              types.submodule {
                options = {
                  mode = field "-" "Permissions in octal; `-` for the usual ones.";
                  user = field "-" "Owner; `-` for root.";
                  group = field "-" "Group; `-` for root.";
                  age = field "-" "Age at which files are removed; `-` for never.";
                  argument = field "" "What else the kind of rule needs, such as the target of a link.";
                };
              }
            )
          )
        );
        default = { };
        example = {
          "10-mypackage"."/var/lib/my-service/statefolder".d = {
            mode = "0755";
            user = "root";
            group = "root";
          };
        };
        description = "Rules by the name of their file, their path and their kind.";
      };
    };

    boot.tmp = {
      cleanOnBoot = mkOption {
        type = types.bool;
        default = false;
        description = "Whether `/tmp` is emptied when the machine starts.";
      };

      useTmpfs = mkOption {
        type = types.bool;
        default = false;
        description = "Whether `/tmp` is in memory.";
      };

      tmpfsSize = mkOption {
        type = types.oneOf [
          types.str
          types.ints.positive
        ];
        default = "50%";
        description = "Size of `/tmp` in memory, in bytes or as a part of the memory.";
      };
    };
  };

  imports = [
    (lib.mkRenamedOptionModule [ "boot" "cleanTmpDir" ] [ "boot" "tmp" "cleanOnBoot" ])
    (lib.mkRenamedOptionModule [ "boot" "tmpOnTmpfs" ] [ "boot" "tmp" "useTmpfs" ])
    (lib.mkRenamedOptionModule [ "boot" "tmpOnTmpfsSize" ] [ "boot" "tmp" "tmpfsSize" ])
  ];

  config = {
    systemd.tmpfiles.rules = lib.optional config.boot.tmp.cleanOnBoot "D! /tmp 1777 root root";

    systemd.mounts = lib.optional config.boot.tmp.useTmpfs {
      what = "tmpfs";
      where = "/tmp";
      type = "tmpfs";
      wantedBy = [ "local-fs.target" ];
      mountConfig.Options = [
        "mode=1777"
        "strictatime"
        "rw"
        "nosuid"
        "nodev"
        "size=${toString config.boot.tmp.tmpfsSize}"
      ];
    };

    environment.etc = lib.mkMerge [
      (lib.mkIf (cfg.rules != [ ]) {
        "tmpfiles.d/00-nixos.conf".text = ''
          # Written from `systemd.tmpfiles.rules`.
          ${lib.concatStringsSep "\n" cfg.rules}
        '';
      })
      (lib.mapAttrs' (
        name: paths:
        lib.nameValuePair "tmpfiles.d/${name}.conf" {
          text = lib.concatStrings (
            lib.concatLists (
              lib.mapAttrsToList (
                path: kinds: lib.mapAttrsToList (kind: value: "${entry path kind value}\n") kinds
              ) paths
            )
          );
        }
      ) cfg.settings)
    ];
  };
}
