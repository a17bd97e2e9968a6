# The kernel: its parameters, modules and settings. Kernel and first file system are the machine's own,
# as long as no package set brings a kernel.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.boot;
  words =
    description: example:
    mkOption {
      type = types.listOf types.str;
      default = [ ];
      inherit description example;
    };

  inherit (cfg.kernelPackages) kernel;
  isBuilt = !(kernel.isMissing or false);
  exists = if lib.inPureEvalMode then (_: false) else builtins.pathExists;
  ofHost = candidates: lib.findFirst exists (builtins.head candidates) candidates;

  # What the first file system of the machine has to be told, as it does not know the system's fstab.
  root = config.fileSystems."/" or null;
  rootParams = lib.optionals (root != null) (
    [ "root=${if root.device != null then root.device else "LABEL=${root.label}"}" ]
    ++ lib.optional (root.fsType != "auto") "rootfstype=${root.fsType}"
  );

  shown = value: if value == true then "1" else if value == false then "0" else toString value;
in
{
  options.boot = {
    isContainer = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the system is a container, which boots no kernel of its own.";
    };

    kernelPackages = mkOption {
      type = types.raw;
      default = pkgs.linuxPackages;
      defaultText = lib.literalExpression "pkgs.linuxPackages";
      example = lib.literalExpression "pkgs.linuxPackages_latest";
      description = ''
        Packages of a Linux version, of which `kernel` boots. Where the package set has no kernel, the
        machine's own boots, and a kernel that was asked for is reported as missing.
      '';
    };

    kernelParams = words "Parameters of the kernel." [ "quiet" ];
    kernelModules = words "Kernel modules that are loaded when the machine starts." [ "kvm-intel" ];
    blacklistedKernelModules = words "Kernel modules that are not loaded by themselves." [ "pcspkr" ];

    extraModprobeConfig = mkOption {
      type = types.lines;
      default = "";
      example = "options snd_hda_intel power_save=1";
      description = "Lines for the configuration of {manpage}`modprobe(8)`.";
    };

    extraModulePackages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages with further kernel modules. They need a kernel of the package set.";
    };

    consoleLogLevel = mkOption {
      type = types.int;
      default = 4;
      description = "Up to which level the console shows messages of the kernel.";
    };

    kernel.sysctl = mkOption {
      type = types.attrsOf (
        types.nullOr (
          types.oneOf [
            types.bool
            types.int
            types.str
          ]
        )
      );
      default = { };
      example = lib.literalExpression ''{ "net.ipv4.ip_forward" = true; }'';
      description = "Settings of the running kernel, see {manpage}`sysctl(8)`; null leaves one as it is.";
    };

    initrd = {
      availableKernelModules = words ''
        Kernel modules that the first file system holds, to be loaded when they are needed.
      '' [ "nvme" ];
      kernelModules = words "Kernel modules that the first file system loads." [ "dm-snapshot" ];
    };
  };

  config = lib.mkIf (!cfg.isContainer) {
    assertions = [
      {
        assertion = cfg.extraModulePackages == [ ] || isBuilt;
        message = "`boot.extraModulePackages` needs a kernel that the package set builds, and this one builds none.";
      }
    ];

    boot.kernelParams = [ "loglevel=${toString cfg.consoleLogLevel}" ];

    environment.etc = {
      "modules-load.d/nixos.conf" = lib.mkIf (cfg.kernelModules != [ ]) {
        text = lib.concatMapStrings (module: "${module}\n") (lib.unique cfg.kernelModules);
      };

      "modprobe.d/nixos.conf" = lib.mkIf (cfg.blacklistedKernelModules != [ ] || cfg.extraModprobeConfig != "") {
        text =
          lib.concatMapStrings (module: "blacklist ${module}\n") cfg.blacklistedKernelModules
          + lib.optionalString (cfg.extraModprobeConfig != "") "${cfg.extraModprobeConfig}\n";
      };

      "sysctl.d/60-nixos.conf" = lib.mkIf (cfg.kernel.sysctl != { }) {
        text = lib.concatStrings (
          lib.mapAttrsToList (name: value: lib.optionalString (value != null) "${name}=${shown value}\n") cfg.kernel.sysctl
        );
      };

      # The machine makes its first file system itself, with one of these two programs.
      "dracut.conf.d/nixos.conf" = lib.mkIf (cfg.initrd.availableKernelModules != [ ] || cfg.initrd.kernelModules != [ ]) {
        text =
          let
            list = modules: lib.concatStringsSep " " (lib.unique modules);
          in
          ''
            add_drivers+=" ${list (cfg.initrd.availableKernelModules ++ cfg.initrd.kernelModules)} "
            force_drivers+=" ${list cfg.initrd.kernelModules} "
          '';
      };
      "initramfs-tools/modules" = lib.mkIf (cfg.initrd.availableKernelModules != [ ] || cfg.initrd.kernelModules != [ ]) {
        text = lib.concatMapStrings (module: "${module}\n") (
          lib.unique (cfg.initrd.kernelModules ++ cfg.initrd.availableKernelModules)
        );
      };
    };

    system.extraDependencies = lib.optional (
      !isBuilt && options.boot.kernelPackages.highestPrio < (lib.mkOptionDefault null).priority
    ) kernel;

    system.activation.boot = {
      kernel =
        if isBuilt then
          "${kernel}/${pkgs.stdenv.hostPlatform.linux-kernel.target or "bzImage"}"
        else
          ofHost [
            "/vmlinuz"
            "/boot/vmlinuz"
            "/boot/vmlinuz-linux"
          ];
      initrd = ofHost [
        "/initrd.img"
        "/boot/initrd.img"
        "/boot/initramfs-linux.img"
      ];
      kernelParams = lib.optionals (!isBuilt) rootParams ++ cfg.kernelParams;
    };
  };
}
