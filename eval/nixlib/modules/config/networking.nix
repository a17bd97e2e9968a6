# Names and addresses: /etc/hostname, /etc/hosts, /etc/resolv.conf, proxies.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.networking;
  proxyOption =
    what: fallback:
    mkOption {
      type = types.nullOr types.str;
      default = fallback;
      defaultText = lib.literalExpression "config.networking.proxy.default";
      example = "http://127.0.0.1:3128";
      description = "Proxy for ${what}, as programs find it in their environment.";
    };
in
{
  options.networking = {
    hostName = mkOption {
      # Labels of names in DNS.
      type = types.strMatching "^$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$";
      default = "nixos";
      example = "web1";
      description = ''
        Name of the machine. Empty if it is found out at run time, as from DHCP; then there is no
        `/etc/hostname`.
      '';
    };

    domain = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "example.org";
      description = "Domain that the machine belongs to.";
    };

    fqdn = mkOption {
      type = types.str;
      readOnly = true;
      defaultText = lib.literalExpression "\"\${config.networking.hostName}.\${config.networking.domain}\"";
      description = "Full name of the machine, which needs a host name and a domain.";
    };

    fqdnOrHostName = mkOption {
      type = types.str;
      readOnly = true;
      defaultText = lib.literalExpression "the full name if there is a domain, else the host name";
      description = "Full name of the machine if it has one, else its host name.";
    };

    hosts = mkOption {
      type = types.attrsOf (types.listOf types.str);
      default = { };
      example = lib.literalExpression ''{ "192.0.2.2" = [ "db.example.org" "db" ]; }'';
      description = "Names of hosts by address, for `/etc/hosts`.";
    };

    extraHosts = mkOption {
      type = types.lines;
      default = "";
      example = "192.0.2.1 router";
      description = "Lines that are added to `/etc/hosts`.";
    };

    enableIPv6 = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the machine uses IPv6.";
    };

    nameservers = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "192.0.2.53" "2001:db8::53" ];
      description = ''
        Servers that names are asked of. If there are any, `/etc/resolv.conf` is written.
      '';
    };

    search = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "example.org" ];
      description = "Domains in which names without one are looked for.";
    };

    proxy = {
      default = proxyOption "all protocols" null;
      httpProxy = proxyOption "HTTP" cfg.proxy.default;
      httpsProxy = proxyOption "HTTPS" cfg.proxy.default;
      ftpProxy = proxyOption "FTP" cfg.proxy.default;
      allProxy = proxyOption "everything else" cfg.proxy.default;
      noProxy = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "127.0.0.1,localhost,.example.org";
        description = "Hosts and domains that are reached without a proxy.";
      };
      envVars = mkOption {
        type = types.attrsOf types.str;
        internal = true;
        default = { };
        description = "The variables of the environment that tell programs of the proxies.";
      };
    };
  };

  config = {
    assertions = [
      {
        assertion = builtins.all (address: !builtins.elem "localhost" cfg.hosts.${address}) (
          builtins.attrNames (removeAttrs cfg.hosts [ "127.0.0.1" "::1" ])
        );
        message = "`networking.hosts` gives \"localhost\" another address than \"127.0.0.1\" or \"::1\", which breaks programs. Use `networking.extraHosts` if you really want that.";
      }
    ];

    networking = {
      fqdn =
        if cfg.hostName != "" && cfg.domain != null then
          "${cfg.hostName}.${cfg.domain}"
        else
          throw ''
            The FQDN is required but cannot be determined. Please make sure that
            both networking.hostName and networking.domain are set properly.
          '';
      fqdnOrHostName = if cfg.domain == null then cfg.hostName else cfg.fqdn;

      # The full name has to come first: it is what `hostname -f` finds.
      hosts =
        let
          names =
            lib.optional (cfg.hostName != "" && cfg.domain != null) cfg.fqdn
            ++ lib.optional (cfg.hostName != "") cfg.hostName;
        in
        {
          "127.0.0.2" = names;
        }
        // lib.optionalAttrs cfg.enableIPv6 { "::1" = names; };

      proxy.envVars =
        let
          p = cfg.proxy;
          given = lib.filterAttrs (_: value: value != null) {
            http_proxy = p.httpProxy;
            https_proxy = p.httpsProxy;
            ftp_proxy = p.ftpProxy;
            all_proxy = p.allProxy;
            no_proxy = p.noProxy;
          };
        in
        lib.optionalAttrs (p.default != null) { no_proxy = "127.0.0.1,localhost"; } // given;
    };

    boot.kernel.sysctl = lib.mkIf (!cfg.enableIPv6) {
      "net.ipv6.conf.all.disable_ipv6" = true;
      "net.ipv6.conf.default.disable_ipv6" = true;
    };

    environment.sessionVariables = cfg.proxy.envVars;

    environment.etc = {
      hostname = lib.mkIf (cfg.hostName != "") { text = cfg.hostName + "\n"; };

      # First, so that the addresses lead back to `localhost` and not to the full name.
      hosts.text =
        lib.concatStrings (
          [ "127.0.0.1 localhost\n" ]
          ++ lib.optional cfg.enableIPv6 "::1 localhost\n"
          ++ lib.mapAttrsToList (address: names: "${address} ${lib.concatStringsSep " " names}\n") (
            lib.filterAttrs (_: names: names != [ ]) cfg.hosts
          )
        )
        + lib.optionalString (cfg.extraHosts != "") "${cfg.extraHosts}\n";

      "resolv.conf" = lib.mkIf (cfg.nameservers != [ ]) {
        text =
          lib.optionalString (cfg.search != [ ]) "search ${lib.concatStringsSep " " cfg.search}\n"
          + lib.concatMapStrings (server: "nameserver ${server}\n") cfg.nameservers;
      };
    };
  };
}
