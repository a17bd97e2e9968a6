# A small web server: nginx in front of a program of our own.
{ pkgs, lib, ... }:
let
  # Compiled with the compiler of the machine, statically, away from everything else.
  greeter = pkgs.compileC {
    name = "greeter";
    src = ./greeter.c;
  };
in
{
  networking.hostName = "web1";
  networking.firewall.allowedTCPPorts = [ 80 ];

  time.timeZone = "Europe/Berlin";
  i18n.defaultLocale = "en_US.UTF-8";

  users.users.alice = {
    isNormalUser = true;
    description = "Alice";
    extraGroups = [ "wheel" ];
  };

  environment.systemPackages = [ greeter ];

  services.openssh.enable = true;
  services.openssh.settings.PermitRootLogin = "no";

  services.nginx = {
    enable = true;
    recommendedOptimisation = true;
    recommendedProxySettings = true;
    virtualHosts."www.example.org" = {
      default = true;
      serverAliases = [ "example.org" ];
      root = "/var/www";
      locations."/greeting".proxyPass = "http://127.0.0.1:8080";
    };
  };

  systemd.services.greeter = {
    description = "Greets whoever asks";
    wantedBy = [ "multi-user.target" ];
    after = [ "network.target" ];
    environment.GREETING = "Welcome to web1";
    serviceConfig = {
      ExecStart = "${greeter}/bin/greeter --serve 8080";
      DynamicUser = true;
      Restart = "on-failure";
    };
  };

  fileSystems."/" = {
    device = "/dev/disk/by-label/root";
    fsType = "ext4";
  };
  fileSystems."/var/www" = {
    device = "/dev/disk/by-label/www";
    fsType = "ext4";
    options = [ "noatime" ];
  };
  swapDevices = [ { device = "/dev/disk/by-label/swap"; } ];

  boot.loader.grub.enable = true;
  boot.loader.grub.device = "/dev/sda";
  boot.kernelParams = [ "quiet" ];
  boot.kernelModules = [ "tcp_bbr" ];

  system.stateVersion = "26.05";
}
