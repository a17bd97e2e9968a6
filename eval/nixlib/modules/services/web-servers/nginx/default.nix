# The web server nginx. Its configuration is /etc/nginx/nginx.conf.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nginx;
  file = import ./config-file.nix { inherit config lib pkgs; };
  hosts = builtins.attrValues file.virtualHosts;
  command = "${cfg.package}/bin/nginx -c '/etc/nginx/nginx.conf'";

  flag =
    description:
    mkOption {
      type = types.bool;
      default = false;
      inherit description;
    };
  linesOption =
    description:
    mkOption {
      type = types.lines;
      default = "";
      inherit description;
    };
  number =
    type: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit description;
    };
in
{
  options.services.nginx = {
    enable = lib.mkEnableOption "the web server nginx";

    package = lib.mkPackageOption pkgs "nginx" { };

    statusPage = flag "Whether the server shows its state at `http://127.0.0.1/nginx_status`, to this machine only.";
    recommendedTlsSettings = flag "Whether encryption is set as recommended.";
    recommendedOptimisation = flag "Whether transfers are set as recommended.";
    recommendedGzipSettings = flag "Whether answers are compressed as recommended.";
    recommendedProxySettings = flag "Whether requests that are handed on are set as recommended.";
    proxyResolveWhileRunning = flag ''
      Whether names in `proxyPass` are looked up while the server runs, and not only when it starts. This
      needs `services.nginx.resolver`.
    '';
    serverTokens = flag "Whether answers tell the version of the server.";
    enableReload = flag "Whether a changed configuration is read by the running server, which is not restarted.";
    enableSandbox = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the server runs confined: no write access, no devices, no other users' processes.";
    };

    user = mkOption {
      type = types.str;
      default = "nginx";
      description = "User that the server runs as.";
    };

    group = mkOption {
      type = types.str;
      default = "nginx";
      description = "Group that the server runs as.";
    };

    logError = mkOption {
      type = types.str;
      default = "stderr";
      example = "stderr warn";
      description = "Where errors are written, and from which level on.";
    };

    preStart = linesOption "Commands for bash that run before the server.";
    config = mkOption {
      type = types.str;
      default = "";
      description = "The whole configuration, instead of what follows from the other options.";
    };
    httpConfig = linesOption "What is in `http { }`, instead of what follows from the other options.";
    eventsConfig = linesOption "Lines for `events { }`.";
    commonHttpConfig = linesOption "Lines for `http { }` before the virtual hosts, such as formats of logs.";
    appendHttpConfig = linesOption "Lines for the end of `http { }`.";
    appendConfig = linesOption "Lines for the end of the configuration.";

    clientMaxBodySize = mkOption {
      type = types.str;
      default = "10m";
      description = "How large a request may be.";
    };

    proxyTimeout = mkOption {
      type = types.str;
      default = "60s";
      example = "20s";
      description = "How long a server behind this one may take, with `recommendedProxySettings`.";
    };

    sslCiphers = mkOption {
      type = types.nullOr types.str;
      default = lib.concatStringsSep ":" [
        "ECDHE-ECDSA-AES128-GCM-SHA256"
        "ECDHE-RSA-AES128-GCM-SHA256"
        "ECDHE-ECDSA-AES256-GCM-SHA384"
        "ECDHE-RSA-AES256-GCM-SHA384"
        "ECDHE-ECDSA-CHACHA20-POLY1305"
        "ECDHE-RSA-CHACHA20-POLY1305"
        "DHE-RSA-AES128-GCM-SHA256"
        "DHE-RSA-AES256-GCM-SHA384"
        "DHE-RSA-CHACHA20-POLY1305"
      ];
      description = "Ciphers that encrypted connections may use; null leaves it to the server.";
    };

    sslProtocols = mkOption {
      type = types.str;
      default = "TLSv1.2 TLSv1.3";
      description = "Versions of the protocol that encrypted connections may use.";
    };

    sslDhparam = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/secrets/dhparams.pem";
      description = "File with parameters of Diffie-Hellman.";
    };

    defaultListenAddresses = mkOption {
      type = types.listOf types.str;
      default = file.everywhere;
      defaultText = lib.literalExpression ''[ "0.0.0.0" ] ++ lib.optional config.networking.enableIPv6 "[::]"'';
      description = "Addresses at which hosts are served that do not say otherwise.";
    };

    defaultHTTPListenPort = mkOption {
      type = types.port;
      default = 80;
      description = "Port for connections that are not encrypted.";
    };

    defaultSSLListenPort = mkOption {
      type = types.port;
      default = 443;
      description = "Port for encrypted connections.";
    };

    mapHashBucketSize = number (types.enum [ 32 64 128 ]) "Size of the buckets of hash tables for `map`.";
    mapHashMaxSize = number types.ints.positive "Size of hash tables for `map`.";
    serverNamesHashBucketSize = number types.ints.positive "Size of the buckets of hash tables for names of hosts.";
    serverNamesHashMaxSize = number types.ints.positive "Size of hash tables for names of hosts.";

    resolver = mkOption {
      type = types.submodule {
        options = {
          addresses = mkOption {
            type = types.listOf types.str;
            default = [ ];
            example = [
              "[::1]"
              "127.0.0.1:5353"
            ];
            description = "Servers that names are asked of.";
          };
          valid = mkOption {
            type = types.str;
            default = "";
            example = "30s";
            description = "How long an answer holds, if not as long as it says.";
          };
          ipv4 = mkOption {
            type = types.bool;
            default = true;
            description = "Whether addresses of IPv4 are looked up.";
          };
          ipv6 = mkOption {
            type = types.bool;
            default = config.networking.enableIPv6;
            defaultText = lib.literalExpression "config.networking.enableIPv6";
            description = "Whether addresses of IPv6 are looked up.";
          };
        };
      };
      default = { };
      description = "How the server finds the addresses of servers behind it.";
    };

    upstreams = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            servers = mkOption {
              type = types.attrsOf (
                types.submodule {
                  options.backup = flag "Whether the server is only used when the others are not there.";
                }
              );
              default = { };
              example = lib.literalExpression ''{ "127.0.0.1:8000" = { }; }'';
              description = "Servers of the group, by their address.";
            };
            extraConfig = linesOption "Lines for the end of the group.";
          };
        }
      );
      default = { };
      description = "Groups of servers that requests can be handed on to, by name.";
    };

    virtualHosts = mkOption {
      type = types.attrsOf (
        types.submodule (
          import ./vhost-options.nix {
            inherit lib;
            nginx = cfg;
          }
        )
      );
      default = {
        localhost = { };
      };
      example = lib.literalExpression ''
        {
          "www.example.com" = {
            root = "/var/www";
            locations."/api/".proxyPass = "http://localhost:3000";
          };
        }
      '';
      description = "Hosts that the server serves, by name.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = builtins.all (
          host: builtins.all (l: l.root == null || l.alias == null) (builtins.attrValues host.locations)
        ) hosts;
        message = "Only one of nginx root or alias can be specified on a location.";
      }
      {
        assertion = builtins.all (
          host:
          lib.count (x: x) [
            host.addSSL
            host.onlySSL
            host.forceSSL
            host.rejectSSL
          ] <= 1
        ) hosts;
        message = ''
          Options services.nginx.virtualHosts.<name>.addSSL, services.nginx.virtualHosts.<name>.onlySSL,
          services.nginx.virtualHosts.<name>.forceSSL and services.nginx.virtualHosts.<name>.rejectSSL
          are mutually exclusive.
        '';
      }
      {
        assertion = cfg.proxyResolveWhileRunning -> cfg.resolver.addresses != [ ];
        message = "services.nginx.proxyResolveWhileRunning needs services.nginx.resolver.addresses.";
      }
      {
        assertion = lib.count (host: host.default) hosts <= 1;
        message = "Only one of services.nginx.virtualHosts can be the default one.";
      }
    ];

    environment.etc."nginx/nginx.conf".text = file.text;

    system.activation.hostPrograms = [
      {
        inherit (cfg) package;
        program = "nginx";
      }
    ];

    systemd.services.nginx = {
      description = "Nginx Web Server";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      stopIfChanged = false;
      reloadIfChanged = cfg.enableReload;
      restartTriggers = [ config.environment.etc."nginx/nginx.conf".source ];
      startLimitIntervalSec = 60;
      preStart = ''
        ${cfg.preStart}
        ${command} -t
      '';
      serviceConfig = {
        ExecStart = command;
        ExecReload = [
          "${command} -t"
          "${pkgs.util-linux}/bin/kill -HUP $MAINPID"
        ];
        Restart = "always";
        RestartSec = "10s";
        User = cfg.user;
        Group = cfg.group;
        RuntimeDirectory = "nginx";
        RuntimeDirectoryMode = "0750";
        CacheDirectory = "nginx";
        CacheDirectoryMode = "0750";
        LogsDirectory = "nginx";
        LogsDirectoryMode = "0750";
        ProcSubset = "pid";
        UMask = "0027";
        AmbientCapabilities = [
          "CAP_NET_BIND_SERVICE"
          "CAP_SYS_RESOURCE"
        ];
        CapabilityBoundingSet = [
          "CAP_NET_BIND_SERVICE"
          "CAP_SYS_RESOURCE"
        ];
        NoNewPrivileges = true;
      }
      // lib.optionalAttrs cfg.enableSandbox {
        ProtectSystem = "strict";
        ProtectHome = lib.mkDefault true;
        ProtectProc = "invisible";
        PrivateTmp = true;
        PrivateDevices = true;
        PrivateMounts = true;
        ProtectHostname = true;
        ProtectClock = true;
        ProtectKernelTunables = true;
        ProtectKernelModules = true;
        ProtectKernelLogs = true;
        ProtectControlGroups = true;
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
        ];
        RestrictNamespaces = true;
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        RemoveIPC = true;
        SystemCallArchitectures = "native";
      };
    };

    users.users = lib.mkIf (cfg.user == "nginx") {
      nginx = {
        inherit (cfg) group;
        isSystemUser = true;
        uid = config.ids.uids.nginx;
      };
    };
    users.groups = lib.mkIf (cfg.group == "nginx") {
      nginx.gid = config.ids.gids.nginx;
    };
  };
}
