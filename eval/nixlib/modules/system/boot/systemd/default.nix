# Units of systemd, which are files in /etc/systemd/system. Those that systemd itself brings are the
# host's; a unit of the same name takes their place.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (builtins) replaceStrings;
  inherit (lib) mkOption types;
  cfg = config.systemd;
  kinds = import ./options.nix { inherit lib; };
  render = import ./render.nix { inherit lib; };

  # The section [Unit] of what the options say.
  unitModule =
    { config, options, ... }:
    let
      names = {
        Requires = config.requires;
        Wants = config.wants;
        After = config.after;
        Before = config.before;
        BindsTo = config.bindsTo;
        PartOf = config.partOf;
        Conflicts = config.conflicts;
        Requisite = config.requisite;
        OnFailure = config.onFailure;
        Documentation = config.documentation;
        X-Restart-Triggers = config.restartTriggers;
      };
    in
    {
      unitConfig =
        builtins.mapAttrs (_: toString) (lib.filterAttrs (_: list: list != [ ]) names)
        // lib.optionalAttrs (config.description != "") { Description = config.description; }
        // lib.optionalAttrs options.startLimitIntervalSec.isDefined {
          StartLimitIntervalSec = toString config.startLimitIntervalSec;
        }
        // lib.optionalAttrs options.startLimitBurst.isDefined {
          StartLimitBurst = toString config.startLimitBurst;
        };
    };

  # An executable file of a service's commands.
  jobScript =
    name: text:
    let
      fileName = replaceStrings [ "\\" "@" ] [ "-" "_" ] name;
      file = pkgs.writeTextFile {
        name = "unit-script-${fileName}";
        executable = true;
        destination = "/bin/${fileName}";
        text = "#!${pkgs.runtimeShell} -e\n${text}\n";
      };
    in
    "${file}/bin/${fileName}";

  serviceModule =
    { name, config, ... }:
    let
      script =
        setting: suffix: text: arguments:
        lib.mkIf (text != "") { serviceConfig.${setting} = jobScript "${name}-${suffix}" text + arguments; };
    in
    {
      config = lib.mkMerge [
        {
          path = lib.mkAfter [
            pkgs.coreutils
            pkgs.findutils
            pkgs.gnugrep
            pkgs.gnused
            cfg.package
          ];
          environment.PATH = config.path;
        }
        (script "ExecStartPre" "pre-start" config.preStart "")
        (script "ExecStart" "start" config.script (
          lib.optionalString (config.scriptArgs != "") " ${config.scriptArgs}"
        ))
        (script "ExecStartPost" "post-start" config.postStart "")
        (script "ExecReload" "reload" config.reload "")
        (script "ExecStop" "pre-stop" config.preStop "")
        (script "ExecStopPost" "post-stop" config.postStop "")
      ];
    };

  mountModule =
    { config, ... }:
    {
      mountConfig = {
        What = config.what;
        Where = config.where;
      }
      // lib.optionalAttrs (config.type != "") { Type = config.type; }
      // lib.optionalAttrs (config.options != "") { Options = config.options; };
    };

  automountModule =
    { config, ... }:
    {
      automountConfig.Where = config.where;
    };

  submodule = options: modules: types.submodule ([ { inherit options; } unitModule ] ++ modules);
  unitsOf =
    what: kind: modules: example:
    mkOption (
      {
        type = types.attrsOf (submodule kind modules);
        default = { };
        description = "${what}, by name without its suffix.";
      }
      // lib.optionalAttrs (example != null) { inherit example; }
    );
  mountsOf =
    what: kind: module:
    mkOption {
      type = types.listOf (submodule kind [ module ]);
      default = [ ];
      description = "${what}, named after where they mount.";
    };

  unit = text: def: {
    inherit (def)
      enable
      wantedBy
      requiredBy
      aliases
      ;
    text = text def;
  };
  named = suffix: text: lib.mapAttrs' (name: def: lib.nameValuePair "${name}.${suffix}" (unit text def));
  mounted =
    suffix: text: defs:
    builtins.listToAttrs (
      map (
        def: lib.nameValuePair "${utils.escapeSystemdPath def.where}.${suffix}" (unit text def)
      ) defs
    );

  # Links in /etc for what a unit is called, and for those that want it.
  links =
    name: def:
    lib.optional (!def.enable) (lib.nameValuePair name "/dev/null")
    ++ map (alias: lib.nameValuePair alias (place "" name)) def.aliases
    ++ lib.optionals def.enable (
      map (by: lib.nameValuePair "${by}.wants/${name}" (place "../" name)) def.wantedBy
      ++ map (by: lib.nameValuePair "${by}.requires/${name}" (place "../" name)) def.requiredBy
    );

  # Where a unit is found: one without a text is the host's.
  place =
    directory: name:
    if cfg.units ? ${name} && cfg.units.${name}.text != null then
      "${directory}${name}"
    else
      "/lib/systemd/system/${name}";

  checkService =
    name: def:
    let
      c = def.serviceConfig;
      oneOf = setting: values: {
        assertion = !(c ? ${setting}) || builtins.elem c.${setting} values;
        message = "The service `${name}` has ${setting} = ${
          lib.generators.toPretty { } (c.${setting} or null)
        }, which is not one of ${lib.concatStringsSep ", " (map (lib.generators.toPretty { }) values)}.";
      };
      type = c.Type or "simple";
    in
    [
      (oneOf "Type" [
        "simple"
        "exec"
        "forking"
        "oneshot"
        "dbus"
        "notify"
        "notify-reload"
        "idle"
      ])
      (oneOf "Restart" [
        "no"
        "on-success"
        "on-failure"
        "on-abnormal"
        "on-watchdog"
        "on-abort"
        "always"
      ])
      {
        assertion = type != "oneshot" || !builtins.elem (c.Restart or "no") [ "always" "on-success" ];
        message = "The service `${name}` cannot be of Type=oneshot and have Restart=${c.Restart or "no"}.";
      }
      {
        assertion = builtins.all (n: builtins.stringLength "${def.environment.${n}}" < 1048576) (
          builtins.attrNames (lib.filterAttrs (_: value: value != null) def.environment)
        );
        message = "The service `${name}` has a variable in its environment that is too long for systemd.";
      }
    ];
in
{
  options.systemd = {
    package = lib.mkPackageOption pkgs "systemd" { };

    units = mkOption {
      type = types.attrsOf (types.submodule { options = kinds.concrete; });
      default = { };
      description = ''
        Units as they are written, by name with its suffix. Those of the options beside this one are
        among them; one without a text is a unit that the machine brings.
      '';
    };

    services = unitsOf "Services" kinds.service [ serviceModule ] (
      lib.literalExpression ''
        {
          hello = {
            wantedBy = [ "multi-user.target" ];
            script = "echo hello";
          };
        }
      ''
    );
    targets = unitsOf "Targets" kinds.target [ ] null;
    sockets = unitsOf "Sockets" kinds.socket [ ] null;
    timers = unitsOf "Timers" kinds.timer [ ] null;
    paths = unitsOf "Paths that are watched" kinds.path [ ] null;
    slices = unitsOf "Slices" kinds.slice [ ] null;
    mounts = mountsOf "Mounts" kinds.mount mountModule;
    automounts = mountsOf "Mounts on the first access" kinds.automount automountModule;

    globalEnvironment = mkOption {
      type = types.attrsOf (types.nullOr (types.either types.str types.path));
      default = { };
      example = {
        TZ = "CET";
      };
      description = "Variables of the environment of all services.";
    };

    defaultUnit = mkOption {
      type = types.str;
      default = "multi-user.target";
      description = "Unit that is started when the machine is.";
    };

    ctrlAltDelUnit = mkOption {
      type = types.str;
      default = "reboot.target";
      example = "poweroff.target";
      description = "Unit that is started when Ctrl-Alt-Del is pressed on the console.";
    };

    extraConfig = mkOption {
      type = types.lines;
      default = "";
      example = "DefaultLimitCORE=infinity";
      description = "Lines for the section `[Manager]` of `/etc/systemd/system.conf`.";
    };
  };

  config = {
    assertions = lib.concatLists (lib.mapAttrsToList checkService cfg.services);

    systemd.timers = lib.mapAttrs (_: service: {
      wantedBy = [ "timers.target" ];
      timerConfig.OnCalendar = service.startAt;
    }) (lib.filterAttrs (_: service: service.enable && service.startAt != [ ]) cfg.services);

    systemd.units = lib.mkMerge [
      (named "service" (render.service cfg.globalEnvironment) cfg.services)
      (named "target" render.target cfg.targets)
      (named "socket" render.socket cfg.sockets)
      (named "timer" render.timer cfg.timers)
      (named "path" render.path cfg.paths)
      (named "slice" render.slice cfg.slices)
      (mounted "mount" render.mount cfg.mounts)
      (mounted "automount" render.automount cfg.automounts)
    ];

    # Which files there are must not depend on their texts: those may name other files of /etc.
    environment.etc =
      lib.mapAttrs' (
        name: def:
        lib.nameValuePair "systemd/system/${name}" {
          enable = def.enable && def.text != null;
          inherit (def) text;
        }
      ) cfg.units
      // lib.optionalAttrs (cfg.extraConfig != "") {
        "systemd/system.conf".text = ''
          [Manager]
          ${cfg.extraConfig}'';
      };

    system.etcLinks = lib.mapAttrs' (path: lib.nameValuePair "systemd/system/${path}") (
      builtins.listToAttrs (lib.concatLists (lib.mapAttrsToList links cfg.units))
      // {
        "default.target" = place "" cfg.defaultUnit;
        "ctrl-alt-del.target" = place "" cfg.ctrlAltDelUnit;
      }
    );

    system.activation.hostPrograms = [
      {
        inherit (cfg) package;
        program = "systemctl";
      }
    ];
  };
}
