# Options of a virtual host.
{ lib, nginx }:
let
  inherit (lib) mkOption types;
  flag =
    description:
    mkOption {
      type = types.bool;
      default = false;
      inherit description;
    };
  nullable =
    type: description: example:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit description example;
    };

  listen = types.submodule {
    options = {
      addr = mkOption {
        type = types.str;
        example = "[::]";
        description = "Address, or `unix:` and the path of a socket.";
      };
      port = mkOption {
        type = types.nullOr types.port;
        default = null;
        description = "Port. If null, none is written, which is 80 for an address.";
      };
      ssl = flag "Whether connections are encrypted.";
      proxyProtocol = flag "Whether connections begin with the PROXY protocol.";
      extraParameters = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [
          "backlog=1024"
          "deferred"
        ];
        description = "Further words of the directive.";
      };
    };
  };

  certificateFile =
    what: name:
    mkOption {
      type = types.path;
      example = "/var/lib/secrets/${name}";
      description = "File with ${what}.";
    };
in
{
  options = {
    serverName = nullable types.str "Name of the host. Defaults to the attribute name." "example.org";

    serverAliases = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "www.example.org"
        "example.org"
      ];
      description = "Further names of the host.";
    };

    listen = mkOption {
      type = types.listOf listen;
      default = [ ];
      example = [
        {
          addr = "195.154.1.1";
          port = 443;
          ssl = true;
        }
        {
          addr = "192.154.1.1";
          port = 80;
        }
      ];
      description = ''
        Addresses at which the host is served. If there are none, they follow from `listenAddresses` and
        from whether the host is encrypted.
      '';
    };

    listenAddresses = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "127.0.0.1"
        "[::1]"
      ];
      description = "Addresses at which the host is served, at the usual ports. If there are none, at all.";
    };

    addSSL = flag "Whether the host is served encrypted as well as not.";
    onlySSL = flag "Whether the host is served encrypted only.";
    forceSSL = flag "Whether the host is served encrypted, and other requests are sent there.";
    rejectSSL = flag "Whether encrypted connections to the host are refused.";

    sslCertificate = certificateFile "the certificate" "host.cert";
    sslCertificateKey = certificateFile "the key of the certificate" "host.key";
    sslTrustedCertificate = nullable types.path "File with the certificates that are trusted." "/var/root.cert";

    http2 = mkOption {
      type = types.bool;
      default = true;
      description = "Whether encrypted connections may use HTTP/2.";
    };

    root = nullable types.path "Directory below which the requested files are." "/data/webserver/docs";

    default = flag "Whether the host answers requests that name no other one.";

    globalRedirect = nullable types.str "Host that all requests are sent to." "newserver.example.org";

    redirectCode = mkOption {
      type = types.ints.between 300 399;
      default = 301;
      example = 308;
      description = "Status with which `globalRedirect` and `forceSSL` send requests elsewhere.";
    };

    basicAuth = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        user = "password";
      };
      description = "Users and their passwords, which everybody can read in the store.";
    };

    basicAuthFile = nullable types.path ''
      File on the machine with users and their passwords as hashes, as `htpasswd` makes it.
    '' "/var/lib/secrets/htpasswd";

    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines for the end of the host.";
    };

    locations = mkOption {
      type = types.attrsOf (
        types.submodule [
          (import ./location-options.nix { inherit lib; })
          { recommendedProxySettings = lib.mkOptionDefault nginx.recommendedProxySettings; }
        ]
      );
      default = { };
      example = lib.literalExpression ''
        {
          "/".proxyPass = "http://localhost:3000";
        }
      '';
      description = "What is done with requests, by the beginning of their path or another pattern.";
    };
  };
}
