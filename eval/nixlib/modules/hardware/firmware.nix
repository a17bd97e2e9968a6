# Firmware of devices and microcode of processors, as files that the kernel loads.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.hardware;
  isBuilt = pkg: !(pkg.isMissing or false);
  microcode =
    what:
    mkOption {
      type = types.bool;
      default = false;
      description = "Whether processors of ${what} get newer microcode when the machine starts.";
    };
in
{
  options.hardware = {
    firmware = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = ''
        Packages with firmware, below `lib/firmware`. The kernel looks there before it looks where the
        machine has its own.
      '';
    };

    enableRedistributableFirmware = mkOption {
      type = types.bool;
      default = cfg.enableAllFirmware;
      defaultText = lib.literalExpression "config.hardware.enableAllFirmware";
      description = "Whether there is all firmware whose licence lets everybody hand it on.";
    };

    enableAllFirmware = mkOption {
      type = types.bool;
      default = false;
      description = "Whether there is all firmware.";
    };

    cpu.intel.updateMicrocode = microcode "Intel";
    cpu.amd.updateMicrocode = microcode "AMD";
  };

  config = {
    hardware.firmware =
      lib.optional cfg.enableRedistributableFirmware pkgs.linux-firmware
      ++ lib.optional cfg.cpu.intel.updateMicrocode pkgs.microcode-intel
      ++ lib.optional cfg.cpu.amd.updateMicrocode pkgs.microcode-amd;

    # Those that nobody builds are reported.
    system.extraDependencies = builtins.filter (pkg: !isBuilt pkg) cfg.firmware;

    system.build.firmware = pkgs.buildEnv {
      name = "firmware";
      paths = builtins.filter isBuilt cfg.firmware;
    };

    boot.kernelParams = lib.mkIf (lib.any isBuilt cfg.firmware) [
      "firmware_class.path=${config.system.build.firmware}/lib/firmware"
    ];
  };
}
