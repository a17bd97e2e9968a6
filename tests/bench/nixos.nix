# A small NixOS system of a nixpkgs tree; its value is the path of a derivation of it.
{ nixpkgs, attribute ? "toplevel" }:
let
  configuration = { pkgs, ... }: {
    boot.loader.grub.device = "/dev/sda";
    fileSystems."/" = { device = "/dev/sda1"; fsType = "ext4"; };
    networking.hostName = "bench";
    services.openssh.enable = true;
    services.nginx.enable = true;
    users.users.alice = { isNormalUser = true; extraGroups = [ "wheel" ]; };
    environment.systemPackages = [ pkgs.git pkgs.hello ];
  };
  nixos = import (nixpkgs + "/nixos") { inherit configuration; system = "x86_64-linux"; };
in
nixos.config.system.build.${attribute}.drvPath
