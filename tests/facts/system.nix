# A system with a bit of everything, whose derivation path is a fact of `nixpkgs-20.09.tsv`.
{ config, lib, pkgs, ... }:

{
  fileSystems."/" = {
    device = "/dev/disk/by-label/root";
    fsType = "ext4";
  };
  boot.loader.grub.device = "/dev/sda";
  boot.kernelParams = [ "quiet" ];

  networking = {
    hostName = "facts";
    firewall.allowedTCPPorts = [ 80 443 ];
    interfaces.eth0.ipv4.addresses = [
      {
        address = "192.0.2.1";
        prefixLength = 24;
      }
    ];
  };

  users.users.alice = {
    isNormalUser = true;
    extraGroups = [ "wheel" ];
    shell = pkgs.zsh;
  };
  programs.zsh.enable = true;
  environment.systemPackages = [ pkgs.git pkgs.vim ];

  services = {
    openssh.enable = true;
    nginx = {
      enable = true;
      recommendedTlsSettings = true;
      virtualHosts."example.org".locations."/".root = pkgs.nginx.doc or "/var/www";
    };
    postgresql = {
      enable = true;
      package = pkgs.postgresql_12;
      ensureDatabases = [ "app" ];
    };
    xserver = {
      enable = true;
      desktopManager.xfce.enable = true;
    };
    printing.enable = true;
  };

  systemd.services.hello = {
    description = "Greets, as ${config.networking.hostName}";
    wantedBy = [ "multi-user.target" ];
    serviceConfig.ExecStart = lib.mkForce "${pkgs.hello}/bin/hello";
  };

  containers.inner.config.services.redis.enable = true;
}
