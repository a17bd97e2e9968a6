# Files in /etc.
#
# All of them are one store object, in which a file given as a text is a regular file; /etc then holds
# links to it. Files with a mode of their own are copied instead, see activation.nix.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  enabled = builtins.filter (file: file.enable) (builtins.attrValues config.environment.etc);

  # A text stands in the object itself, without an object of its own.
  content =
    file:
    if builtins.isAttrs file.source && file.source ? etcText then
      {
        text = file.source.etcText;
        mode = "0644";
      }
    else
      {
        target = "${file.source}";
        mode = "symlink";
      };

  fileModule =
    {
      name,
      config,
      options,
      ...
    }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "Whether the file is there. This allows to drop what another module adds.";
        };

        target = mkOption {
          type = types.str;
          description = "Path of the file, relative to `/etc`. Defaults to the attribute name.";
        };

        text = mkOption {
          type = types.nullOr types.lines;
          default = null;
          description = "Text of the file.";
        };

        source = mkOption {
          type = types.path;
          example = lib.literalExpression "./motd";
          description = "File or directory to link to, or to copy if there is a mode.";
        };

        mode = mkOption {
          type = types.str;
          default = "symlink";
          example = "0600";
          description = ''
            `symlink` for a link, `direct-symlink` for one that leads to the source at once, else the
            permissions in octal of a copy.
          '';
        };

        uid = mkOption {
          type = types.int;
          default = 0;
          description = "Number of the owner of a copy.";
        };

        gid = mkOption {
          type = types.int;
          default = 0;
          description = "Number of the group of a copy.";
        };

        user = mkOption {
          type = types.str;
          default = "+${toString config.uid}";
          defaultText = lib.literalExpression "\"+\${toString config.uid}\"";
          description = "Owner of a copy: a name, or a number after a `+`.";
        };

        group = mkOption {
          type = types.str;
          default = "+${toString config.gid}";
          defaultText = lib.literalExpression "\"+\${toString config.gid}\"";
          description = "Group of a copy: a name, or a number after a `+`.";
        };
      };

      config = {
        target = lib.mkDefault name;
        source = lib.mkIf (config.text != null) (
          lib.mkDerivedConfig options.text (
            text:
            pkgs.writeTextFile {
              name = "etc-${baseNameOf name}";
              inherit text;
              passthru.etcText = text;
            }
          )
        );
      };
    };

  isCopy = file: file.mode != "symlink" && file.mode != "direct-symlink";
  targets = map (file: file.target) enabled;
  duplicates = lib.unique (
    builtins.filter (target: lib.count (other: other == target) targets > 1) targets
  );
in
{
  options = {
    environment.etc = mkOption {
      type = types.attrsOf (types.submodule fileModule);
      default = { };
      example = lib.literalExpression ''
        {
          "example.conf".source = ./example.conf;
          "issue.net" = { text = "hello"; mode = "0440"; };
        }
      '';
      description = "Files in `/etc`, by their paths relative to it.";
    };

    system.etcLinks = mkOption {
      type = types.attrsOf types.str;
      default = { };
      internal = true;
      description = "Links in `/etc` whose text is given, such as relative ones, by their paths.";
    };
  };

  config = {
    assertions = [
      {
        assertion = duplicates == [ ];
        message = "Several files of `environment.etc` have the same target: ${lib.concatStringsSep ", " duplicates}";
      }
    ]
    ++ map (file: {
      assertion = !isCopy file || builtins.match "[0-7]{3,4}" file.mode != null;
      message = "The mode \"${file.mode}\" of `environment.etc.${lib.strings.escapeNixIdentifier file.target}` is neither `symlink`, `direct-symlink` nor octal permissions.";
    }) enabled;

    system.build.etc = pkgs.linkTree {
      name = "etc";
      entries =
        map (file: { path = "etc/${file.target}"; } // content file) enabled
        ++ lib.mapAttrsToList (path: target: {
          path = "etc/${path}";
          inherit target;
          mode = "symlink";
        }) config.system.etcLinks;
    };

    system.activation.record.etcCopies = map (file: {
      path = file.target;
      inherit (file) mode user group;
    }) (builtins.filter isCopy enabled);
  };
}
