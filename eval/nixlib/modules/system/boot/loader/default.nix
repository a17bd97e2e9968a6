# Boot loaders, whose menus list every generation. Their files are written at activation.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.boot.loader;
  inherit (cfg) grub systemd-boot;
  noContainer = !config.boot.isContainer;

  kind =
    if !noContainer then
      "none"
    else if grub.enable then
      "grub"
    else if systemd-boot.enable then
      "systemd-boot"
    else
      "none";

  devices = lib.unique (lib.optional (grub.device != "") grub.device ++ grub.devices);
  # How the boot loader itself gets onto its disk, which happens once and by hand.
  installCommands =
    let
      isEfi = grub.efiSupport;
      efiArch = if pkgs.stdenv.hostPlatform.isAarch64 or false then "arm64" else "x86_64";
      disks = lib.remove "nodev" devices;
      efi = "--efi-directory=${cfg.efi.efiSysMountPoint}";
    in
    if kind == "grub" then
      map (disk: "grub-install ${lib.escapeShellArg disk}") disks
      ++ lib.optional isEfi "grub-install --target=${efiArch}-efi ${lib.escapeShellArg efi}${
        lib.optionalString (!cfg.efi.canTouchEfiVariables) " --no-nvram"
      }"
    else if kind == "systemd-boot" then
      [
        "bootctl install ${lib.escapeShellArg "--esp-path=${cfg.efi.efiSysMountPoint}"}${
          lib.optionalString (!cfg.efi.canTouchEfiVariables) " --no-variables"
        }"
      ]
    else
      [ ];
in
{
  options.boot.loader = {
    timeout = mkOption {
      type = types.nullOr types.int;
      default = 5;
      description = "Seconds until the menu starts its default; null waits for a choice.";
    };

    efi = {
      canTouchEfiVariables = mkOption {
        type = types.bool;
        default = false;
        description = "Whether installing a boot loader may change the variables of the firmware.";
      };

      efiSysMountPoint = mkOption {
        type = types.str;
        default = "/boot";
        example = "/boot/efi";
        description = "Where the EFI system partition is mounted.";
      };
    };

    grub = {
      enable = mkOption {
        type = types.bool;
        default = noContainer && !systemd-boot.enable;
        defaultText = lib.literalExpression "!config.boot.isContainer && !config.boot.loader.systemd-boot.enable";
        description = "Whether GRUB starts the system.";
      };

      device = mkOption {
        type = types.str;
        default = "";
        example = "/dev/disk/by-id/wwn-0x500001234567890a";
        description = ''
          Disk into whose boot sector GRUB goes; `nodev` makes a menu without installing a boot sector.
        '';
      };

      devices = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "/dev/disk/by-id/wwn-0x500001234567890a" ];
        description = "Further such disks.";
      };

      efiSupport = mkOption {
        type = types.bool;
        default = false;
        description = "Whether GRUB is installed for firmware of the EFI kind.";
      };

      extraConfig = mkOption {
        type = types.lines;
        default = "";
        example = ''
          serial --speed=115200
          terminal_output serial
        '';
        description = "Lines for the top of GRUB's menu file.";
      };

      extraEntries = mkOption {
        type = types.lines;
        default = "";
        example = ''
          menuentry "Firmware" { fwsetup }
        '';
        description = "Entries that follow those of the generations.";
      };

      configurationLimit = mkOption {
        type = types.int;
        default = 100;
        example = 20;
        description = "How many generations the menu shows.";
      };
    };

    systemd-boot = {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = "Whether systemd-boot starts the system, on firmware of the EFI kind.";
      };

      editor = mkOption {
        type = types.bool;
        default = true;
        description = ''
          Whether a person at the menu may change parameters of the kernel, which makes anybody there
          an administrator.
        '';
      };

      configurationLimit = mkOption {
        type = types.nullOr types.int;
        default = null;
        example = 20;
        description = "How many generations the menu shows; null shows all.";
      };
    };
  };

  # What a machine boots, for `activation.json`.
  options.system.activation.boot = mkOption {
    type = types.submodule {
      options = {
        kernel = mkOption {
          type = types.str;
          default = "";
          description = "The kernel, a path of the running system.";
        };
        initrd = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "The first file system, a path of the running system.";
        };
        kernelParams = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Parameters of the kernel.";
        };
      };
    };
    default = { };
    internal = true;
    description = "What boots.";
  };

  config = {
    assertions = lib.optionals grub.enable [
      {
        assertion = devices != [ ];
        message = "You must set the option ‘boot.loader.grub.devices’ or ‘boot.loader.grub.device’ to make the system bootable.";
      }
      {
        assertion = !systemd-boot.enable;
        message = "`boot.loader.grub.enable` and `boot.loader.systemd-boot.enable` exclude each other.";
      }
      {
        assertion = devices == [ ] || builtins.all (device: device == "nodev" || lib.hasPrefix "/" device) devices;
        message = "GRUB devices must be absolute paths, but these are not: ${
          lib.concatStringsSep ", " (builtins.filter (device: device != "nodev" && !lib.hasPrefix "/" device) devices)
        }";
      }
    ];

    system.activation.record.boot = {
      loader = kind;
      inherit installCommands;
      inherit (cfg) timeout;
      inherit (config.system.activation.boot) kernel initrd kernelParams;
      grub = {
        inherit devices;
        inherit (grub)
          extraConfig
          extraEntries
          configurationLimit
          efiSupport
          ;
      };
      systemdBoot = {
        inherit (systemd-boot) editor configurationLimit;
      };
      efi = {
        mountPoint = cfg.efi.efiSysMountPoint;
        canTouchVariables = cfg.efi.canTouchEfiVariables;
      };
    };
  };
}
