# Time zone, language, console.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  inherit (config) console i18n time;
  zoneInfo = "/usr/share/zoneinfo";
  lines = values: lib.concatStrings (lib.mapAttrsToList (name: value: "${name}=${value}\n") values);
in
{
  imports = [
    (lib.mkRenamedOptionModule [ "i18n" "consoleFont" ] [ "console" "font" ])
    (lib.mkRenamedOptionModule [ "i18n" "consoleKeyMap" ] [ "console" "keyMap" ])
  ];

  options = {
    time = {
      timeZone = mkOption {
        type = types.nullOr (
          types.addCheck types.str (zone: builtins.match ".*[[:space:]].*" zone == null)
          // {
            description = "null or string without spaces";
          }
        );
        default = null;
        example = "Europe/Berlin";
        description = ''
          Time zone, by its name in the tz database. Null is UTC, and lets an administrator choose another
          one on the machine.
        '';
      };

      hardwareClockInLocalTime = mkOption {
        type = types.bool;
        default = false;
        description = "Whether the hardware clock shows local time instead of UTC.";
      };
    };

    i18n = {
      defaultLocale = mkOption {
        type = types.str;
        default = "en_US.UTF-8";
        example = "nl_NL.UTF-8";
        description = "Locale for programs: language, formats of dates and numbers.";
      };

      extraLocaleSettings = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example = {
          LC_MESSAGES = "en_US.UTF-8";
          LC_TIME = "de_DE.UTF-8";
        };
        description = "Variables that change the locale for some purposes.";
      };
    };

    console = {
      keyMap = mkOption {
        type = types.str;
        default = "us";
        example = "de";
        description = "Layout of the keyboard on the console.";
      };

      font = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "LatArCyrHeb-16";
        description = "Font of the console; null is the kernel's.";
      };
    };
  };

  config = {
    environment.sessionVariables = {
      LANG = i18n.defaultLocale;
    }
    // i18n.extraLocaleSettings;

    environment.etc = {
      "locale.conf".text = lines ({ LANG = i18n.defaultLocale; } // i18n.extraLocaleSettings);

      "vconsole.conf".text = lines (
        {
          KEYMAP = console.keyMap;
        }
        // lib.optionalAttrs (console.font != null) { FONT = console.font; }
      );

      # Programs want to read the zone's name from where the link leads.
      localtime = lib.mkIf (time.timeZone != null) {
        source = "${zoneInfo}/${time.timeZone}";
        mode = "direct-symlink";
      };
      zoneinfo.source = zoneInfo;

      adjtime = lib.mkIf time.hardwareClockInLocalTime {
        text = ''
          0.0 0 0.0
          0
          LOCAL
        '';
      };
    };
  };
}
