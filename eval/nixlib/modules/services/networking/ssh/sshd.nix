# The daemon of OpenSSH. Its configuration is /etc/ssh/sshd_config.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.openssh;

  # The server part is the machine's; its files lie where the machine has them.
  sftpServer =
    lib.findFirst (if lib.inPureEvalMode then (_: false) else builtins.pathExists) "internal-sftp"
      [
        "/usr/lib/openssh/sftp-server"
        "/usr/libexec/openssh/sftp-server"
        "/usr/lib/ssh/sftp-server"
      ];

  atom = types.nullOr (
    types.oneOf [
      types.bool
      types.int
      types.str
      types.path
    ]
  );
  show =
    value:
    if value == true then
      "yes"
    else if value == false then
      "no"
    else
      toString value;
  # A list stands for words, but for a directive that is given several times where words cannot be.
  commas = [
    "Ciphers"
    "KexAlgorithms"
    "Macs"
    "HostKeyAlgorithms"
    "PubkeyAcceptedAlgorithms"
    "CASignatureAlgorithms"
  ];
  directive =
    name: value:
    if value == null || value == [ ] then
      ""
    else if builtins.isList value then
      "${name} ${lib.concatMapStringsSep (if builtins.elem name commas then "," else " ") show value}\n"
    else
      "${name} ${show value}\n";

  algorithms =
    what: default:
    mkOption {
      type = types.nullOr (types.listOf types.str);
      inherit default;
      description = "${what} that are allowed; null leaves it to the server.";
    };

  names =
    description:
    mkOption {
      type = types.nullOr (types.listOf types.str);
      default = null;
      inherit description;
    };

  settings = types.submodule {
    freeformType = types.attrsOf (types.either atom (types.listOf atom));
    options = {
      PermitRootLogin = mkOption {
        type = types.enum [
          "yes"
          "without-password"
          "prohibit-password"
          "forced-commands-only"
          "no"
        ];
        default = "prohibit-password";
        description = "Whether and how root may log in.";
      };
      PasswordAuthentication = mkOption {
        type = types.nullOr types.bool;
        default = true;
        description = "Whether users may log in with a password.";
      };
      KbdInteractiveAuthentication = mkOption {
        type = types.nullOr types.bool;
        default = true;
        description = "Whether users may log in by answering questions, which may be for a password.";
      };
      X11Forwarding = mkOption {
        type = types.nullOr types.bool;
        default = false;
        description = "Whether programs on this machine may show windows on the user's.";
      };
      UseDns = mkOption {
        type = types.nullOr types.bool;
        default = false;
        description = "Whether the names of clients are looked up.";
      };
      GatewayPorts = mkOption {
        type = types.nullOr types.str;
        default = "no";
        description = "Whether other machines may connect to ports that a client forwards.";
      };
      LogLevel = mkOption {
        type = types.enum [
          "QUIET"
          "FATAL"
          "ERROR"
          "INFO"
          "VERBOSE"
          "DEBUG"
          "DEBUG1"
          "DEBUG2"
          "DEBUG3"
        ];
        default = "INFO";
        description = "How much is logged.";
      };
      StrictModes = mkOption {
        type = types.nullOr types.bool;
        default = true;
        description = "Whether files of keys that others can write are ignored.";
      };
      KexAlgorithms = algorithms "Exchanges of keys" [
        "sntrup761x25519-sha512@openssh.com"
        "curve25519-sha256"
        "curve25519-sha256@libssh.org"
        "diffie-hellman-group-exchange-sha256"
      ];
      Ciphers = algorithms "Ciphers" [
        "chacha20-poly1305@openssh.com"
        "aes256-gcm@openssh.com"
        "aes128-gcm@openssh.com"
        "aes256-ctr"
        "aes192-ctr"
        "aes128-ctr"
      ];
      Macs = algorithms "Codes for the integrity of messages" [
        "hmac-sha2-512-etm@openssh.com"
        "hmac-sha2-256-etm@openssh.com"
        "umac-128-etm@openssh.com"
      ];
      AllowUsers = names "Users that may log in; null lets all.";
      DenyUsers = names "Users that may not log in.";
      AllowGroups = names "Groups whose users may log in; null lets all.";
      DenyGroups = names "Groups whose users may not log in.";
    };
  };

  hostKey = types.submodule {
    options = {
      path = mkOption {
        type = types.str;
        description = "File of the private key.";
      };
      type = mkOption {
        type = types.str;
        description = "Kind of key, such as `ed25519`.";
      };
      bits = mkOption {
        type = types.nullOr types.int;
        default = null;
        description = "Length of the key.";
      };
      comment = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Comment in the key.";
      };
    };
  };

  userModule = {
    options.openssh.authorizedKeys = {
      keys = mkOption {
        type = types.listOf types.singleLineStr;
        default = [ ];
        example = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKNEqR alice@foobar" ];
        description = "Public keys with which the user may log in.";
      };
      keyFiles = mkOption {
        type = types.listOf types.path;
        default = [ ];
        description = "Files with such keys.";
      };
    };
  };

  keyText =
    user:
    lib.concatMapStrings (key: "${key}\n") user.openssh.authorizedKeys.keys
    + lib.concatMapStrings (file: "${builtins.readFile file}\n") user.openssh.authorizedKeys.keyFiles;
  keyUsers = builtins.filter (
    user: user.enable && user.openssh.authorizedKeys.keys ++ user.openssh.authorizedKeys.keyFiles != [ ]
  ) (builtins.attrValues config.users.users);

  makeKey = key: ''
    if ! [ -s ${lib.escapeShellArg key.path} ]; then
      rm -f ${lib.escapeShellArg key.path}
      mkdir -p ${lib.escapeShellArg (dirOf key.path)}
      ssh-keygen -t ${lib.escapeShellArg key.type} ${
        lib.optionalString (key.bits != null) "-b ${toString key.bits} "
      }${
        lib.optionalString (key.comment != null) "-C ${lib.escapeShellArg key.comment} "
      }-f ${lib.escapeShellArg key.path} -N ""
    fi
  '';

  listenAddress =
    l:
    "ListenAddress ${l.addr}${lib.optionalString (l.port != null) ":${toString l.port}"}\n";

  sshdConfig =
    directive "UsePAM" cfg.usePAM
    + directive "AddressFamily" (if config.networking.enableIPv6 then "any" else "inet")
    + lib.concatMapStrings (port: "Port ${toString port}\n") cfg.ports
    + lib.concatMapStrings listenAddress cfg.listenAddresses
    + lib.optionalString cfg.allowSFTP "Subsystem sftp ${lib.concatStringsSep " " ([ cfg.sftpServerExecutable ] ++ cfg.sftpFlags)}\n"
    + "PrintMotd no\n"
    + directive "AuthorizedKeysFile" cfg.authorizedKeysFiles
    + lib.concatMapStrings (key: "HostKey ${key.path}\n") cfg.hostKeys
    + lib.concatStrings (lib.mapAttrsToList directive cfg.settings)
    + lib.optionalString (cfg.extraConfig != "") "${cfg.extraConfig}\n";

  old = name: lib.mkRenamedOptionModule [ "services" "openssh" name ];
  renamed = name: new: old name [ "services" "openssh" "settings" new ];
in
{
  imports = [
    (renamed "permitRootLogin" "PermitRootLogin")
    (renamed "passwordAuthentication" "PasswordAuthentication")
    (renamed "challengeResponseAuthentication" "KbdInteractiveAuthentication")
    (renamed "kbdInteractiveAuthentication" "KbdInteractiveAuthentication")
    (renamed "forwardX11" "X11Forwarding")
    (renamed "useDns" "UseDns")
    (renamed "gatewayPorts" "GatewayPorts")
    (renamed "logLevel" "LogLevel")
    (renamed "kexAlgorithms" "KexAlgorithms")
    (renamed "ciphers" "Ciphers")
    (renamed "macs" "Macs")
  ];

  options = {
    services.openssh = {
      enable = lib.mkEnableOption "the OpenSSH daemon, which lets users log in over the network";

      package = lib.mkPackageOption pkgs "openssh" { };

      startWhenNeeded = mkOption {
        type = types.bool;
        default = false;
        description = "Whether a server starts for each connection, instead of one for all.";
      };

      ports = mkOption {
        type = types.listOf types.port;
        default = [ 22 ];
        description = "Ports at which the server listens.";
      };

      openFirewall = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the firewall lets connections to the ports in.";
      };

      listenAddresses = mkOption {
        type = types.listOf (
          types.submodule {
            options = {
              addr = mkOption {
                type = types.str;
                description = "Address.";
              };
              port = mkOption {
                type = types.nullOr types.port;
                default = null;
                description = "Port, if it is not one of `ports`.";
              };
            };
          }
        );
        default = [ ];
        example = [
          {
            addr = "192.168.3.1";
            port = 22;
          }
        ];
        description = "Addresses at which the server listens. If there are none, at all.";
      };

      hostKeys = mkOption {
        type = types.listOf hostKey;
        default = [
          {
            type = "rsa";
            bits = 4096;
            path = "/etc/ssh/ssh_host_rsa_key";
          }
          {
            type = "ed25519";
            path = "/etc/ssh/ssh_host_ed25519_key";
          }
        ];
        description = "Keys by which clients know the machine. Missing ones are made when the server starts.";
      };

      authorizedKeysFiles = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Further files in which the keys of a user are looked for.";
      };

      authorizedKeysInHomedir = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the keys of a user are also looked for in the home directory.";
      };

      allowSFTP = mkOption {
        type = types.bool;
        default = true;
        description = "Whether files can be transferred.";
      };

      sftpServerExecutable = mkOption {
        type = types.str;
        default = sftpServer;
        defaultText = "where the machine has it";
        description = "Program that transfers files.";
      };

      sftpFlags = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "-l INFO" ];
        description = "Arguments of that program.";
      };

      usePAM = mkOption {
        type = types.bool;
        default = true;
        description = "Whether passwords are checked by the modules of PAM.";
      };

      settings = mkOption {
        type = settings;
        default = { };
        example = lib.literalExpression ''
          {
            PermitRootLogin = "no";
            PasswordAuthentication = false;
          }
        '';
        description = "Directives of `/etc/ssh/sshd_config`, see {manpage}`sshd_config(5)`.";
      };

      extraConfig = mkOption {
        type = types.lines;
        default = "";
        description = "Lines for the end of `/etc/ssh/sshd_config`.";
      };
    };

    users.users = mkOption { type = types.attrsOf (types.submodule userModule); };
  };

  config = lib.mkMerge [
    {
      environment.etc = builtins.listToAttrs (
        map (
          user:
          lib.nameValuePair "ssh/authorized_keys.d/${user.name}" {
            mode = "0444";
            text = keyText user;
          }
        ) keyUsers
      );
    }

    (lib.mkIf cfg.enable {
      assertions = [
        {
          assertion = cfg.ports != [ ] || cfg.listenAddresses != [ ];
          message = "services.openssh has neither `ports' nor `listenAddresses' to listen at.";
        }
      ];

      services.openssh.authorizedKeysFiles =
        lib.optional cfg.authorizedKeysInHomedir "%h/.ssh/authorized_keys"
        ++ [ "/etc/ssh/authorized_keys.d/%u" ];

      environment.etc."ssh/sshd_config".text = sshdConfig;

      networking.firewall.allowedTCPPorts = lib.optionals cfg.openFirewall cfg.ports;

      users.users.sshd = {
        isSystemUser = true;
        group = "sshd";
        uid = config.ids.uids.sshd;
        description = "SSH privilege separation user";
      };
      users.groups.sshd = { };

      system.activation.hostPrograms = map (program: {
        inherit (cfg) package;
        inherit program;
      }) [
        "sshd"
        "ssh-keygen"
      ];

      # The directory that the server wants to be empty, where the machine's has it.
      systemd.tmpfiles.rules = [ "d /run/sshd 0755 root root -" ];

      systemd.sockets.sshd = lib.mkIf cfg.startWhenNeeded {
        description = "SSH Socket";
        wantedBy = [ "sockets.target" ];
        socketConfig = {
          ListenStream =
            if cfg.listenAddresses != [ ] then
              map (
                l: "${l.addr}:${toString (if l.port != null then l.port else builtins.head cfg.ports)}"
              ) cfg.listenAddresses
            else
              cfg.ports;
          Accept = true;
        };
      };

      systemd.services.${if cfg.startWhenNeeded then "sshd@" else "sshd"} = {
        description = "SSH Daemon" + lib.optionalString cfg.startWhenNeeded " for one connection";
        wantedBy = lib.optional (!cfg.startWhenNeeded) "multi-user.target";
        after = [ "network.target" ];
        stopIfChanged = false;
        path = [ cfg.package ];
        restartTriggers = lib.optional (
          !cfg.startWhenNeeded
        ) config.environment.etc."ssh/sshd_config".source;
        preStart = ''
          # With a socket, standard output is the client.
          exec >&2
          mkdir -m 0755 -p /run/sshd
          ${lib.concatMapStrings makeKey cfg.hostKeys}'';
        serviceConfig = {
          ExecStart =
            lib.optionalString cfg.startWhenNeeded "-"
            + "${cfg.package}/bin/sshd ${if cfg.startWhenNeeded then "-i" else "-D"} -f /etc/ssh/sshd_config";
          KillMode = "process";
        }
        // (
          if cfg.startWhenNeeded then
            {
              StandardInput = "socket";
              StandardError = "journal";
            }
          else
            {
              Restart = "always";
              Type = "simple";
            }
        );
      };
    })
  ];
}
