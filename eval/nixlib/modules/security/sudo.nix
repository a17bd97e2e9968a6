# Who may act as somebody else with sudo. The rules are a file beside those of the machine's sudo.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.security.sudo;

  command = types.submodule {
    options = {
      command = mkOption {
        type = types.str;
        description = "Path of the program, perhaps with arguments, or `ALL`.";
      };
      options = mkOption {
        type = types.listOf (
          types.enum [
            "NOPASSWD"
            "PASSWD"
            "NOEXEC"
            "EXEC"
            "SETENV"
            "NOSETENV"
            "LOG_INPUT"
            "NOLOG_INPUT"
            "LOG_OUTPUT"
            "NOLOG_OUTPUT"
            "MAIL"
            "NOMAIL"
            "FOLLOW"
            "NOFOLLOW"
            "INTERCEPT"
            "NOINTERCEPT"
          ]
        );
        default = [ ];
        description = "How the program may be run.";
      };
    };
  };

  rule = types.submodule {
    options = {
      users = mkOption {
        type = types.listOf (types.either types.str types.int);
        default = [ ];
        description = "Users that the rule is for, by name or number.";
      };
      groups = mkOption {
        type = types.listOf (types.either types.str types.int);
        default = [ ];
        description = "Groups that the rule is for, by name or number.";
      };
      host = mkOption {
        type = types.str;
        default = "ALL";
        description = "Machine that the rule is for.";
      };
      runAs = mkOption {
        type = types.str;
        default = "ALL:ALL";
        example = "root";
        description = "User, or user and group, that may be acted as.";
      };
      commands = mkOption {
        type = types.listOf (types.coercedTo types.str (command: { inherit command; }) command);
        description = "What may be run.";
      };
    };
  };

  who =
    rule:
    map (user: if builtins.isInt user then "#${toString user}" else user) rule.users
    ++ map (group: if builtins.isInt group then "%#${toString group}" else "%${group}") rule.groups;
  what = c: lib.concatMapStrings (option: "${option}:") c.options + lib.optionalString (c.options != [ ]) " " + c.command;
  line =
    rule: name: "${name} ${rule.host}=(${rule.runAs}) ${lib.concatMapStringsSep ", " what rule.commands}\n";
  lines = rule: lib.optionalString (rule.commands != [ ]) (lib.concatMapStrings (line rule) (who rule));
in
{
  options.security.sudo = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether members of `wheel`, and whom `extraRules` name, may act as somebody else with the sudo of
        the machine.
      '';
    };

    wheelNeedsPassword = mkOption {
      type = types.bool;
      default = true;
      description = "Whether members of `wheel` have to give their password.";
    };

    extraRules = mkOption {
      type = types.listOf rule;
      default = [ ];
      example = lib.literalExpression ''
        [
          {
            groups = [ "backup" ];
            commands = [ { command = "/usr/bin/rsync"; options = [ "NOPASSWD" ]; } ];
          }
        ]
      '';
      description = "Who may do what. Later rules win over earlier ones.";
    };

    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines for the end of the file.";
    };
  };

  config = lib.mkIf cfg.enable {
    security.sudo.extraRules = lib.mkOrder 600 [
      {
        groups = [ "wheel" ];
        commands = [
          {
            command = "ALL";
            options = [ "SETENV" ] ++ lib.optional (!cfg.wheelNeedsPassword) "NOPASSWD";
          }
        ];
      }
    ];

    environment.etc."sudoers.d/nixos" = {
      mode = "0440";
      text =
        "# Written from `security.sudo`.\nroot ALL=(ALL:ALL) SETENV: ALL\n"
        + lib.concatMapStrings lines cfg.extraRules
        + lib.optionalString (cfg.extraConfig != "") "${cfg.extraConfig}\n";
    };
  };
}
