# Options of units, by kind.
{ lib }:
let
  inherit (builtins) any head isList;
  inherit (lib) mkOption types;

  names =
    description:
    mkOption {
      type = types.listOf types.str;
      default = [ ];
      inherit description;
    };

  # A setting of a section: lists of several modules are joined, other values must agree.
  unitOption = lib.mkOptionType {
    name = "systemd option";
    merge =
      loc: defs:
      let
        counted = lib.modules.filterOverrides defs;
      in
      if any (def: isList def.value) counted then
        lib.concatMap (def: lib.toList def.value) counted
      else
        lib.mergeEqualOption loc counted;
  };

  section =
    name: page: example:
    mkOption {
      type = types.attrsOf unitOption;
      default = { };
      inherit example;
      description = ''
        Settings of the section `[${name}]`, see {manpage}`${page}`. A list stands for a setting
        that is given several times.
      '';
    };

  script =
    when:
    mkOption {
      type = types.lines;
      default = "";
      description = "Commands for bash that run ${when}.";
    };

  flag =
    default: description:
    mkOption {
      type = types.bool;
      inherit default description;
    };
in
rec {
  inherit unitOption;

  # Of every unit, also of those that are given as a text.
  shared = {
    enable = flag true ''
      Whether the unit can be started. If not, it is masked: a unit of that name that the host brings
      cannot be started either.
    '';

    wantedBy = names ''
      Units that want this one: starting them starts it. `multi-user.target` is what starts when the
      machine does.
    '';

    requiredBy = names "Units that require this one: starting them starts it, and they stop when it does.";

    aliases = names "Further names of the unit.";
  };

  concrete = shared // {
    text = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Text of the unit.";
    };
  };

  common = shared // {
    description = mkOption {
      type = types.singleLineStr;
      default = "";
      description = "What messages call the unit.";
    };

    documentation = names "Addresses of documentation.";
    requires = names "Units that are started with this one, and without which it stops.";
    wants = names "Units that are started with this one.";
    after = names "Units that have to be started before this one, if they are started together.";
    before = names "Units that have to wait for this one, if they are started together.";
    bindsTo = names "As `requires`; the unit also stops when one of these vanishes by itself.";
    partOf = names "Units with which this one stops and restarts.";
    conflicts = names "Units that stop when this one starts, and the other way round.";
    requisite = names "Units that have to be running already when this one starts.";
    onFailure = names "Units that start when this one fails.";

    restartTriggers = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
      description = ''
        Values, such as derivations, with which the unit changes: when one of them is another after a
        switch, the unit restarts.
      '';
    };

    startLimitIntervalSec = mkOption {
      type = types.int;
      description = "Seconds in which a unit may start only so many times, see `startLimitBurst`.";
    };

    startLimitBurst = mkOption {
      type = types.int;
      description = "How many times a unit may start within `startLimitIntervalSec`.";
    };

    unitConfig = section "Unit" "systemd.unit(5)" { RequiresMountsFor = "/data"; };
  };

  service = common // {
    environment = mkOption {
      type = types.attrsOf (
        types.nullOr (
          types.oneOf [
            types.str
            types.path
            types.package
          ]
        )
      );
      default = { };
      example = {
        LANG = "nl_NL.UTF-8";
      };
      description = "Variables of the environment of the service; null leaves one out.";
    };

    path = mkOption {
      type = types.listOf (types.either types.package types.str);
      default = [ ];
      example = lib.literalExpression "[ pkgs.git ]";
      apply = packages: "${lib.makeBinPath packages}:${lib.makeSearchPathOutput "bin" "sbin" packages}";
      description = "Packages whose programs the service finds in its `PATH`.";
    };

    serviceConfig = section "Service" "systemd.service(5)" { RestartSec = 5; };

    script = script "as the main process of the service";
    scriptArgs = mkOption {
      type = types.str;
      default = "";
      example = "%i";
      description = "Arguments of `script`.";
    };
    preStart = script "before the main process";
    postStart = script "once the main process has started";
    reload = script "when the service is to read its configuration again";
    preStop = script "to stop the service";
    postStop = script "after the service has stopped";

    restartIfChanged = flag true "Whether a switch that changes the unit restarts the service.";
    reloadIfChanged = flag false ''
      Whether a switch that changes the unit has the service read its configuration again, instead of
      restarting it.
    '';
    stopIfChanged = flag true ''
      Whether a changed service is stopped as the old system says, and started after the switch. If
      not, it is restarted in one go after the switch.
    '';

    startAt = mkOption {
      type = types.either types.str (types.listOf types.str);
      default = [ ];
      apply = lib.toList;
      example = "Sun 14:00:00";
      description = "When to start the service by a timer, in the form of {manpage}`systemd.time(7)`.";
    };
  };

  socket = common // {
    listenStreams = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "0.0.0.0:993"
        "/run/my-socket"
      ];
      description = "Addresses, ports and paths at which connections are awaited.";
    };

    socketConfig = section "Socket" "systemd.socket(5)" { ListenStream = "/run/my-socket"; };
  };

  timer = common // {
    timerConfig = section "Timer" "systemd.timer(5)" {
      OnCalendar = "Sun 14:00:00";
      Unit = "foo.service";
    };
  };

  path = common // {
    pathConfig = section "Path" "systemd.path(5)" { PathChanged = "/some/path"; };
  };

  slice = common // {
    sliceConfig = section "Slice" "systemd.slice(5)" { MemoryMax = "2G"; };
  };

  target = common;

  mount = common // {
    what = mkOption {
      type = types.str;
      example = "/dev/sda1";
      description = "Device, file or other resource to mount.";
    };
    where = mkOption {
      type = types.str;
      example = "/mnt";
      description = "Where to mount it; the directory is made if it is missing.";
    };
    type = mkOption {
      type = types.str;
      default = "";
      example = "ext4";
      description = "Kind of file system.";
    };
    options = mkOption {
      type = types.commas;
      default = "";
      example = "noatime";
      description = "Options of the mount.";
    };
    mountConfig = section "Mount" "systemd.mount(5)" { DirectoryMode = "0775"; };
  };

  automount = common // {
    where = mkOption {
      type = types.str;
      example = "/mnt";
      description = "Where something is mounted on the first access.";
    };
    automountConfig = section "Automount" "systemd.automount(5)" { TimeoutIdleSec = "10min"; };
  };
}
