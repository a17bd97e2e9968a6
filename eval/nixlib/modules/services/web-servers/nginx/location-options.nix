# Options of a location of a virtual host.
{ lib }:
let
  inherit (lib) mkOption types;
  line =
    description: example:
    mkOption {
      type = types.nullOr types.str;
      default = null;
      inherit description example;
    };
in
{
  options = {
    proxyPass = line ''
      Address that requests are handed on to. With `recommendedProxySettings` the recommended headers
      go with them.
    '' "http://www.example.org/";

    proxyWebsockets = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = "Whether connections may become WebSockets when they are handed on.";
    };

    recommendedProxySettings = mkOption {
      type = types.bool;
      defaultText = lib.literalExpression "config.services.nginx.recommendedProxySettings";
      description = "Whether the recommended headers go with requests that are handed on.";
    };

    index = line "Files that stand for a directory." "index.php index.html";
    tryFiles = line "Files that are looked for, in order." "$uri =404";
    return = line "What is answered at once." "301 http://example.com$request_uri";

    root = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/your/root/directory";
      description = "Directory below which the requested files are.";
    };

    alias = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/your/alias/directory";
      description = "Directory that stands for the location.";
    };

    basicAuth = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        user = "password";
      };
      description = "Users and their passwords, which everybody can read in the store.";
    };

    basicAuthFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      description = "File on the machine with users and their passwords as hashes, as `htpasswd` makes it.";
    };

    fastcgiParams = mkOption {
      type = types.attrsOf (types.either types.str types.path);
      default = { };
      example = {
        SCRIPT_FILENAME = "$document_root$fastcgi_script_name";
      };
      description = "Parameters for a FastCGI server.";
    };

    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines for the end of the location.";
    };

    priority = mkOption {
      type = types.int;
      default = 1000;
      description = "Order among the locations of the host: those with smaller numbers come first.";
    };
  };
}
