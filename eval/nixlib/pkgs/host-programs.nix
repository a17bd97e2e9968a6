# Programs of the host by package; those of /usr/sbin have "sbin/" before their names. The first one
# of a package is its main program.
{
  acl = [ "getfacl" "setfacl" "chacl" ];
  bash = [ "bash" "sh" ];
  bashInteractive = [ "bash" "sh" ];
  bzip2 = [ "bzip2" "bunzip2" "bzcat" ];
  coreutils = [
    "ls" "base64" "basename" "cat" "chgrp" "chmod" "chown" "cksum" "comm" "cp" "cut" "date" "dd" "df"
    "dirname" "du" "echo" "env" "expand" "expr" "false" "fold" "head" "id" "install" "join" "link"
    "ln" "md5sum" "mkdir" "mkfifo" "mknod" "mktemp" "mv" "nice" "nl" "nohup" "nproc" "od" "paste"
    "pathchk" "pr" "printenv" "printf" "pwd" "readlink" "realpath" "rm" "rmdir" "seq" "sha256sum"
    "sha512sum" "shred" "shuf" "sleep" "sort" "split" "stat" "stty" "sum" "sync" "tac" "tail" "tee"
    "test" "timeout" "touch" "tr" "true" "truncate" "tsort" "tty" "uname" "unexpand" "uniq" "unlink"
    "users" "wc" "who" "whoami" "yes"
  ];
  cron = [ "sbin/cron" ];
  curl = [ "curl" ];
  dash = [ "dash" ];
  dbus = [ "dbus-daemon" "dbus-send" ];
  diffutils = [ "diff" "cmp" "diff3" "sdiff" ];
  dosfstools = [ "sbin/mkfs.fat" "sbin/fsck.fat" ];
  e2fsprogs = [ "sbin/mkfs.ext4" "sbin/fsck.ext4" "sbin/tune2fs" "sbin/resize2fs" ];
  fail2ban = [ "fail2ban-server" "fail2ban-client" ];
  file = [ "file" ];
  findutils = [ "find" "xargs" ];
  gawk = [ "gawk" "awk" ];
  git = [ "git" ];
  gnugrep = [ "grep" "egrep" "fgrep" ];
  gnused = [ "sed" ];
  gnutar = [ "tar" ];
  gzip = [ "gzip" "gunzip" "zcat" ];
  htop = [ "htop" ];
  iproute = [ "ip" "ss" "sbin/bridge" "sbin/tc" ];
  iproute2 = [ "ip" "ss" "sbin/bridge" "sbin/tc" ];
  iptables = [ "sbin/iptables" "sbin/ip6tables" "sbin/iptables-restore" "sbin/ip6tables-restore" ];
  iputils = [ "ping" ];
  kbd = [ "loadkeys" "setfont" ];
  kmod = [ "kmod" "sbin/modprobe" "sbin/lsmod" "sbin/insmod" "sbin/rmmod" "sbin/depmod" ];
  less = [ "less" ];
  man-db = [ "man" "apropos" "whatis" ];
  nano = [ "nano" ];
  nettools = [ "hostname" "netstat" "sbin/ifconfig" "sbin/route" ];
  networkmanager = [ "nmcli" "sbin/NetworkManager" ];
  nftables = [ "sbin/nft" ];
  nginx = [ "sbin/nginx" ];
  nix = [ "nix" "nix-build" "nix-env" "nix-collect-garbage" "nix-instantiate" "nix-shell" "nix-store" ];
  openssh = [
    "ssh" "scp" "sftp" "ssh-add" "ssh-agent" "ssh-copy-id" "ssh-keygen" "ssh-keyscan" "sbin/sshd"
  ];
  perl = [ "perl" ];
  postgresql = [ "psql" "pg_dump" ];
  procps = [ "ps" "free" "kill" "pgrep" "pkill" "top" "uptime" "vmstat" "watch" "sbin/sysctl" ];
  python3 = [ "python3" ];
  rsync = [ "rsync" ];
  screen = [ "screen" ];
  shadow = [
    "passwd" "chage" "gpasswd" "newgrp" "sbin/groupadd" "sbin/groupdel" "sbin/groupmod" "sbin/useradd"
    "sbin/userdel" "sbin/usermod" "sbin/nologin"
  ];
  strace = [ "strace" ];
  su = [ "su" ];
  sudo = [ "sudo" "sudoedit" "sbin/visudo" ];
  systemd = [
    "systemctl" "busctl" "coredumpctl" "hostnamectl" "journalctl" "localectl" "loginctl"
    "networkctl" "resolvectl" "systemd-analyze" "systemd-cat" "systemd-escape" "systemd-run"
    "systemd-sysusers" "systemd-tmpfiles" "timedatectl"
  ];
  tmux = [ "tmux" ];
  unzip = [ "unzip" ];
  util-linux = [
    "mount" "umount" "dmesg" "findmnt" "flock" "getopt" "hexdump" "ionice" "kill" "logger" "lsblk"
    "more" "nsenter" "renice" "rev" "setsid" "unshare" "uuidgen" "sbin/blkid" "sbin/fdisk"
    "sbin/fsck" "sbin/fstrim" "sbin/losetup" "sbin/mkswap" "sbin/runuser" "sbin/sfdisk"
    "sbin/swapoff" "sbin/swapon" "sbin/wipefs"
  ];
  vim = [ "vim" ];
  wget = [ "wget" ];
  which = [ "which" ];
  xz = [ "xz" "unxz" "xzcat" ];
  zsh = [ "zsh" ];
  zstd = [ "zstd" "unzstd" "zstdcat" ];
}
