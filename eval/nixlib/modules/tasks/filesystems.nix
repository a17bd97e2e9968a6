# File systems and swap: /etc/fstab.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (builtins) elem replaceStrings;

  nonEmpty = types.addCheck types.str (text: builtins.match "[ \t\n]*" text == null) // {
    inherit (types.nonEmptyStr) description;
  };

  fileSystem =
    { name, config, ... }:
    {
      options = {
        mountPoint = mkOption {
          type = nonEmpty;
          example = "/mnt/usb";
          description = "Where the file system is mounted. Defaults to the attribute name.";
        };

        device = mkOption {
          type = types.nullOr nonEmpty;
          default = null;
          example = "/dev/sda1";
          description = "Device of the file system, or what else {manpage}`mount(8)` takes.";
        };

        label = mkOption {
          type = types.nullOr nonEmpty;
          default = null;
          example = "root-partition";
          description = "Label of the file system, by which it is found if there is no `device`.";
        };

        fsType = mkOption {
          type = nonEmpty;
          default = "auto";
          example = "ext4";
          description = "Kind of file system.";
        };

        options = mkOption {
          type = types.nonEmptyListOf nonEmpty;
          default = [ "defaults" ];
          example = [ "noatime" ];
          description = "Options of the mount.";
        };

        noCheck = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the file system is left unchecked when the machine starts.";
        };

        depends = mkOption {
          type = types.listOf nonEmpty;
          default = [ ];
          example = [ "/persist" ];
          description = "File systems that have to be mounted before this one, by where they are mounted.";
        };

        neededForBoot = mkOption {
          type = types.bool;
          default = false;
          description = ''
            Whether the file system is mounted before anything else starts, so that a failure of it
            keeps the machine from starting.
          '';
        };

        autoFormat = mkOption {
          type = types.bool;
          default = false;
          description = "Whether a device without a file system gets one before it is mounted.";
        };
      };

      config = {
        mountPoint = lib.mkDefault name;
        device = lib.mkIf (elem config.fsType [ "tmpfs" "proc" "sysfs" "devpts" ]) (lib.mkDefault config.fsType);
      };
    };

  swapDevice =
    { config, ... }:
    {
      options = {
        device = mkOption {
          type = nonEmpty;
          example = "/dev/sda3";
          description = "Device or file that is swapped to.";
        };

        label = mkOption {
          type = nonEmpty;
          example = "swap";
          description = "Label of the device, by which it is found if there is no `device`.";
        };

        size = mkOption {
          type = types.nullOr types.int;
          default = null;
          example = 2048;
          description = "Size in MiB of a file, which is then made if it is missing.";
        };

        priority = mkOption {
          type = types.nullOr types.int;
          default = null;
          example = 100;
          description = "Devices of higher priority are used first; null lets the kernel choose.";
        };

        options = mkOption {
          type = types.nonEmptyListOf nonEmpty;
          default = [ "defaults" ];
          example = [ "nofail" ];
          description = "Options in `/etc/fstab`.";
        };

        realDevice = mkOption {
          type = types.path;
          internal = true;
          description = "Device that is swapped to in the end.";
        };
      };

      config = {
        realDevice = lib.mkDefault config.device;
      };
    };

  swapModule =
    { config, options, ... }:
    {
      config.device = lib.mkIf options.label.isDefined (lib.mkDefault "/dev/disk/by-label/${config.label}");
    };

  # What others stand on comes first: by mount points, devices on them, and what is said.
  isAbove = a: b: a == "/" || a == b || lib.hasPrefix "${lib.removeSuffix "/" a}/" b;
  comesBefore =
    a: b:
    a.mountPoint != b.mountPoint
    && (
      isAbove a.mountPoint b.mountPoint
      || (b.device != null && lib.hasPrefix "/" b.device && b.device != "/" && isAbove a.mountPoint b.device && a.mountPoint != "/")
      || elem a.mountPoint b.depends
    );
  sorted = lib.toposort comesBefore (builtins.attrValues config.fileSystems);
  show = lib.concatMapStringsSep " -> " (fs: fs.mountPoint);
  fileSystems = sorted.result or [ ];

  escape = replaceStrings [ " " "\t" ] [ "\\040" "\\011" ];

  unchecked = [
    "none"
    "overlay"
    "bindfs"
    "bind"
    "btrfs"
    "zfs"
    "tmpfs"
    "nfs"
    "nfs4"
    "vboxsf"
    "glusterfs"
    "apfs"
    "9p"
    "cifs"
    "prl_fs"
    "vmhgfs"
  ];
  isUnchecked = fs: fs.noCheck || fs.device == "none" || elem fs.fsType unchecked || elem "bind" fs.options;
  pass = fs: if isUnchecked fs then "0" else if fs.mountPoint == "/" then "1" else "2";

  deviceOf =
    fs:
    if fs.device != null then
      escape fs.device
    else if fs.label != null then
      "/dev/disk/by-label/${escape fs.label}"
    else
      throw "No device specified for mount point ‘${fs.mountPoint}’.";

  optionsOf =
    fs:
    fs.options
    ++ lib.optional fs.neededForBoot "x-initrd.mount"
    ++ map (path: "x-systemd.requires-mounts-for=${path}") fs.depends;
  line =
    fs:
    "${deviceOf fs} ${escape fs.mountPoint} ${fs.fsType} ${escape (lib.concatStringsSep "," (optionsOf fs))} 0 ${pass fs}\n";

  swapOptions =
    swap: lib.concatStringsSep "," (swap.options ++ lib.optional (swap.priority != null) "pri=${toString swap.priority}");
  swapLine = swap: "${escape swap.realDevice} none swap ${swapOptions swap}\n";

  formatted = builtins.filter (fs: fs.autoFormat) fileSystems;
  format =
    fs:
    let
      device = utils.escapeSystemdPath fs.device;
      mount = "${utils.escapeSystemdPath fs.mountPoint}.mount";
    in
    lib.nameValuePair "mkfs-${device}" {
      description = "Initialisation of Filesystem ${fs.device}";
      wantedBy = [ mount ];
      before = [
        mount
        "systemd-fsck@${device}.service"
      ];
      requires = [ "${device}.device" ];
      after = [ "${device}.device" ];
      path = [
        pkgs.util-linux
        pkgs.e2fsprogs
        pkgs.dosfstools
      ];
      script = ''
        kind=$(blkid -p -s TYPE -o value ${lib.escapeShellArg fs.device} || true)
        if [ -z "$kind" ]; then
          mkfs.${fs.fsType} ${lib.escapeShellArg fs.device}
        fi
      '';
      unitConfig = {
        RequiresMountsFor = [ (dirOf fs.device) ];
        DefaultDependencies = false;
      };
      serviceConfig.Type = "oneshot";
    };

  files = builtins.filter (swap: swap.size != null) config.swapDevices;
  makeSwap =
    swap:
    let
      device = utils.escapeSystemdPath swap.device;
    in
    lib.nameValuePair "mkswap-${device}" {
      description = "Initialisation of swap device ${swap.device}";
      wantedBy = [ "${device}.swap" ];
      before = [ "${device}.swap" ];
      path = [ pkgs.util-linux ];
      environment.DEVICE = swap.device;
      script = ''
        size=$(stat -c %s "$DEVICE" 2>/dev/null || echo 0)
        if [ "$size" != "$((${toString swap.size} * 1024 * 1024))" ]; then
          rm -f "$DEVICE"
          dd if=/dev/zero of="$DEVICE" bs=1M count=${toString swap.size}
          chmod 0600 "$DEVICE"
          mkswap "$DEVICE"
        fi
      '';
      unitConfig = {
        RequiresMountsFor = [ (dirOf swap.device) ];
        DefaultDependencies = false;
      };
      serviceConfig.Type = "oneshot";
      restartIfChanged = false;
    };
in
{
  options = {
    fileSystems = mkOption {
      type = types.attrsOf (types.submodule fileSystem);
      default = { };
      example = lib.literalExpression ''
        {
          "/".device = "/dev/disk/by-label/root";
          "/data" = {
            device = "/dev/sdb1";
            fsType = "ext4";
            options = [ "noatime" ];
          };
        }
      '';
      description = "File systems to mount, by where they are mounted. There must be one for `/`.";
    };

    swapDevices = mkOption {
      type = types.listOf (types.submodule [ swapDevice swapModule ]);
      default = [ ];
      example = [
        { device = "/dev/sda3"; }
        { label = "bigswap"; }
      ];
      description = "Devices and files to swap to.";
    };
  };

  config = {
    assertions = [
      {
        assertion = sorted ? result;
        message = "The ‘fileSystems’ option can't be topologically sorted: mountpoint dependency path ${show (sorted.cycle or [ ])} loops to ${show (sorted.loops or [ ])}";
      }
      {
        assertion = config.boot.isContainer || config.fileSystems ? "/";
        message = "The ‘fileSystems’ option does not specify your root file system.";
      }
    ]
    ++ map (fs: {
      assertion = fs.fsType != "auto" && fs.device != null;
      message = "Mountpoint '${fs.mountPoint}': 'autoFormat = true' needs a 'device' and an 'fsType'.";
    }) formatted;

    system.build.fileSystems = fileSystems;

    systemd.services = builtins.listToAttrs (map format formatted ++ map makeSwap files);

    environment.etc.fstab.text = ''
      # This is a generated file.  Do not edit!
      #
      # To make changes, edit the fileSystems and swapDevices options in your configuration.

      # Filesystems.
      ${lib.concatMapStrings line fileSystems}
      # Swap devices.
      ${lib.concatMapStrings swapLine config.swapDevices}'';
  };
}
