# A NixOS system with a desktop, of a nixpkgs tree; its value is the path of its derivation.
{ nixpkgs }:
let
  configuration = { pkgs, ... }: {
    boot.loader.systemd-boot.enable = true;
    fileSystems."/" = { device = "/dev/sda1"; fsType = "ext4"; };
    networking.networkmanager.enable = true;
    services.xserver = {
      enable = true;
      displayManager.sddm.enable = true;
      desktopManager.plasma5.enable = true;
    };
    services.printing.enable = true;
    sound.enable = true;
    hardware.pulseaudio.enable = true;
    users.users.alice = { isNormalUser = true; extraGroups = [ "wheel" "networkmanager" ]; };
    environment.systemPackages = [ pkgs.firefox pkgs.git pkgs.vim ];
  };
  nixos = import (nixpkgs + "/nixos") { inherit configuration; system = "x86_64-linux"; };
in
nixos.config.system.build.toplevel.drvPath
