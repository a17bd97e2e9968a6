# Numbers of users and groups that are the same on every system.
{ lib, ... }:
let
  numbers =
    what:
    lib.mkOption {
      type = lib.types.attrsOf lib.types.int;
      internal = true;
      readOnly = true;
      description = "Numbers of ${what} by name.";
    };
in
{
  options.ids = {
    uids = numbers "users";
    gids = numbers "groups";
  };

  # The numbers are those of NixOS, so that files keep their owners between the two.
  config.ids = {
    uids = {
      root = 0;
      sshd = 2;
      messagebus = 4;
      postfix = 13;
      systemd-journal-gateway = 110;
      nginx = 60;
      postgres = 71;
      mysql = 84;
      systemd-network = 152;
      systemd-resolve = 153;
      systemd-timesync = 154;
      chrony = 61;
      ntp = 36;
      rtkit = 45;
      git = 41;
      nixbld = 30000;
      nobody = 65534;
    };
    gids = {
      root = 0;
      wheel = 1;
      kmem = 2;
      tty = 3;
      messagebus = 4;
      disk = 6;
      audio = 17;
      floppy = 18;
      uucp = 19;
      lp = 20;
      proc = 21;
      cdrom = 24;
      tape = 25;
      video = 26;
      dialout = 27;
      utmp = 29;
      adm = 55;
      nginx = 60;
      systemd-journal = 62;
      postgres = 71;
      mysql = 84;
      keys = 96;
      users = 100;
      systemd-network = 152;
      systemd-resolve = 153;
      systemd-timesync = 154;
      input = 174;
      kvm = 302;
      render = 303;
      shadow = 318;
      nixbld = 30000;
      nogroup = 65534;
    };
  };
}
