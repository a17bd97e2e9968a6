# The text of nginx.conf.
{
  config,
  lib,
  pkgs,
}:
let
  inherit (lib) optionalString;
  cfg = config.services.nginx;
  inherit (config.networking) enableIPv6;

  # Blocks are written with their lines indented, and without empty ones.
  indent =
    text:
    lib.concatMapStrings (line: if line == "" then "" else "  ${line}\n") (lib.splitString "\n" text);
  block = head: body: "${head} {\n${indent body}}\n";
  lines = lib.concatStringsSep "\n";

  given = import ./parameters.nix { inherit lib; };

  toggle = value: if value then "on" else "off";

  proxyHeaders = pkgs.writeText "nginx-recommended-proxy_set_header-headers.conf" ''
    proxy_set_header        Host $host;
    proxy_set_header        X-Real-IP $remote_addr;
    proxy_set_header        X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header        X-Forwarded-Proto $scheme;
    proxy_set_header        X-Forwarded-Host $host;
    proxy_set_header        X-Forwarded-Server $hostname;
  '';

  passwordFile =
    name: users:
    pkgs.writeText "${lib.strings.sanitizeDerivationName name}.htpasswd" (
      lib.concatStrings (lib.mapAttrsToList (user: password: "${user}:{PLAIN}${password}\n") users)
    );

  authentication =
    name: x:
    lib.optionals (x.basicAuthFile != null || x.basicAuth != { }) [
      "auth_basic secured;"
      "auth_basic_user_file ${
        if x.basicAuthFile != null then x.basicAuthFile else passwordFile name x.basicAuth
      };"
    ];

  location =
    hostName: l:
    block "location ${l.location}" (
      lines (
        lib.optionals (l.proxyPass != null) (
          if cfg.proxyResolveWhileRunning then
            [
              "set $nix_proxy_target \"${l.proxyPass}\";"
              "proxy_pass $nix_proxy_target;"
            ]
          else
            [ "proxy_pass ${l.proxyPass};" ]
        )
        ++ lib.optionals l.proxyWebsockets [
          "proxy_http_version 1.1;"
          "proxy_set_header Upgrade $http_upgrade;"
          "proxy_set_header Connection $connection_upgrade;"
        ]
        ++ lib.mapAttrsToList (name: value: "fastcgi_param ${name} \"${value}\";") l.fastcgiParams
        ++ lib.optional (l.index != null) "index ${l.index};"
        ++ lib.optional (l.tryFiles != null) "try_files ${l.tryFiles};"
        ++ lib.optional (l.root != null) "root ${l.root};"
        ++ lib.optional (l.alias != null) "alias ${l.alias};"
        ++ lib.optional (l.return != null) "return ${toString l.return};"
        ++ [ l.extraConfig ]
        ++ lib.optional (l.proxyPass != null && l.recommendedProxySettings) "include ${proxyHeaders};"
        ++ authentication "${hostName}-${l.location}" l
      )
    );

  locations =
    hostName: all:
    let
      named = lib.mapAttrsToList (name: value: value // { location = name; }) all;
    in
    map (location hostName) (lib.sortOn (l: l.priority) named);

  everywhere = [ "0.0.0.0" ] ++ lib.optional enableIPv6 "[::]";

  listenLine =
    host: l:
    "listen ${
      lib.concatStringsSep " " (
        [ "${l.addr}${optionalString (l.port != null) ":${toString l.port}"}" ]
        ++ lib.optional l.ssl "ssl"
        ++ lib.optional (l.ssl && host.http2) "http2"
        ++ lib.optional host.default "default_server"
        ++ lib.optional l.proxyProtocol "proxy_protocol"
        ++ l.extraParameters
      )
    };";

  server =
    name: host:
    let
      hasSSL = host.onlySSL || host.addSSL || host.forceSSL;
      addresses = if host.listenAddresses != [ ] then host.listenAddresses else cfg.defaultListenAddresses;
      at =
        ssl: port:
        map (addr: {
          inherit addr port ssl;
          proxyProtocol = false;
          extraParameters = [ ];
        }) addresses;
      usual =
        lib.optionals (hasSSL || host.rejectSSL) (at true cfg.defaultSSLListenPort)
        ++ lib.optionals (!host.onlySSL) (at false cfg.defaultHTTPListenPort);
      listens = if host.listen != [ ] then host.listen else usual;
      own = if host.forceSSL then builtins.filter (l: l.ssl) listens else listens;
      redirected = builtins.filter (l: !l.ssl) listens;
      serverName = "server_name ${
        lib.concatStringsSep " " ([ host.serverName ] ++ host.serverAliases)
      };";
      code = toString host.redirectCode;
    in
    optionalString host.forceSSL (
      block "server" (
        lines (
          map (listenLine host) redirected
          ++ [
            serverName
            (block "location /" "return ${code} https://$host$request_uri;")
          ]
        )
      )
    )
    + block "server" (
      lines (
        map (listenLine host) own
        ++ [ serverName ]
        ++ lib.optional (host.root != null) "root ${host.root};"
        ++ lib.optional (host.globalRedirect != null) (
          block "location /" "return ${code} http${optionalString hasSSL "s"}://${host.globalRedirect}$request_uri;"
        )
        ++ lib.optionals hasSSL [
          "ssl_certificate ${host.sslCertificate};"
          "ssl_certificate_key ${host.sslCertificateKey};"
        ]
        ++ lib.optional (hasSSL && host.sslTrustedCertificate != null) "ssl_trusted_certificate ${host.sslTrustedCertificate};"
        ++ lib.optional host.rejectSSL "ssl_reject_handshake on;"
        ++ authentication name host
        ++ locations name host.locations
        ++ [ host.extraConfig ]
      )
    );

  virtualHosts = builtins.mapAttrs (
    name: host: host // { serverName = if host.serverName != null then host.serverName else name; }
  ) cfg.virtualHosts;

  upstream =
    name: value:
    block "upstream ${name}" (
      lines (
        lib.mapAttrsToList (
          server: options: "server ${server}${optionalString options.backup " backup"};"
        ) value.servers
        ++ [ value.extraConfig ]
      )
    );

  common = [
    "include ${pkgs.writeText "nginx-mime.types" given.mimeTypes};"
    "include ${pkgs.writeText "nginx-parameters.conf" given.parameters};"
    "default_type application/octet-stream;"
  ];

  resolver =
    let
      r = cfg.resolver;
    in
    lib.optional (r.addresses != [ ]) (
      "resolver ${lib.concatStringsSep " " r.addresses}"
      + optionalString (r.valid != "") " valid=${r.valid}"
      + optionalString (!r.ipv4) " ipv4=off"
      + optionalString (!r.ipv6) " ipv6=off"
      + ";"
    );

  optimisation = [
    "sendfile on;"
    "tcp_nopush on;"
    "tcp_nodelay on;"
    "keepalive_timeout 65;"
  ];

  tls = [
    "ssl_session_timeout 1d;"
    "ssl_session_cache shared:SSL:10m;"
    "ssl_session_tickets off;"
    "ssl_prefer_server_ciphers off;"
  ];

  gzip = [
    "gzip on;"
    "gzip_static on;"
    "gzip_vary on;"
    "gzip_comp_level 5;"
    "gzip_min_length 256;"
    "gzip_proxied expired no-cache no-store private auth;"
    "gzip_types ${
      lib.concatStringsSep " " [
        "application/atom+xml"
        "application/geo+json"
        "application/javascript"
        "application/json"
        "application/ld+json"
        "application/manifest+json"
        "application/rdf+xml"
        "application/vnd.ms-fontobject"
        "application/wasm"
        "application/x-javascript"
        "application/xhtml+xml"
        "application/xml"
        "font/eot"
        "font/otf"
        "font/ttf"
        "image/svg+xml"
        "text/css"
        "text/javascript"
        "text/plain"
        "text/xml"
      ]
    };"
  ];

  proxy = [
    "proxy_redirect off;"
    "proxy_connect_timeout ${cfg.proxyTimeout};"
    "proxy_send_timeout ${cfg.proxyTimeout};"
    "proxy_read_timeout ${cfg.proxyTimeout};"
    "proxy_http_version 1.1;"
    "proxy_set_header \"Connection\" \"\";"
    "include ${proxyHeaders};"
  ];

  statusPage = block "server" (
    lines (
      [ "listen 80;" ]
      ++ lib.optional enableIPv6 "listen [::]:80;"
      ++ [
        "server_name localhost;"
        (block "location /nginx_status" (
          lines (
            [
              "stub_status on;"
              "access_log off;"
              "allow 127.0.0.1;"
            ]
            ++ lib.optional enableIPv6 "allow ::1;"
            ++ [ "deny all;" ]
          )
        ))
      ]
    )
  );

  http = block "http" (
    lines (
      common
      ++ resolver
      ++ lib.mapAttrsToList upstream cfg.upstreams
      ++ lib.optionals cfg.recommendedOptimisation optimisation
      ++ [ "ssl_protocols ${cfg.sslProtocols};" ]
      ++ lib.optional (cfg.sslCiphers != null) "ssl_ciphers ${cfg.sslCiphers};"
      ++ lib.optional (cfg.sslDhparam != null) "ssl_dhparam ${cfg.sslDhparam};"
      ++ lib.optionals cfg.recommendedTlsSettings tls
      ++ lib.optionals cfg.recommendedGzipSettings gzip
      ++ lib.optionals cfg.recommendedProxySettings proxy
      ++ lib.optional (cfg.mapHashBucketSize != null) "map_hash_bucket_size ${toString cfg.mapHashBucketSize};"
      ++ lib.optional (cfg.mapHashMaxSize != null) "map_hash_max_size ${toString cfg.mapHashMaxSize};"
      ++ lib.optional (cfg.serverNamesHashBucketSize != null) "server_names_hash_bucket_size ${toString cfg.serverNamesHashBucketSize};"
      ++ lib.optional (cfg.serverNamesHashMaxSize != null) "server_names_hash_max_size ${toString cfg.serverNamesHashMaxSize};"
      ++ [
        "# For connections that become WebSockets."
        (block "map $http_upgrade $connection_upgrade" "default upgrade;\n'' close;")
        "client_max_body_size ${cfg.clientMaxBodySize};"
        "server_tokens ${toggle cfg.serverTokens};"
        cfg.commonHttpConfig
      ]
      ++ lib.mapAttrsToList server virtualHosts
      ++ lib.optional cfg.statusPage statusPage
      ++ [ cfg.appendHttpConfig ]
    )
  );
in
{
  inherit everywhere virtualHosts;

  text =
    "pid /run/nginx/nginx.pid;\nerror_log ${cfg.logError};\ndaemon off;\n"
    + optionalString (cfg.config != "") "${cfg.config}\n"
    + optionalString (cfg.config == "" || cfg.eventsConfig != "") (block "events" cfg.eventsConfig)
    + optionalString (cfg.config == "" && cfg.httpConfig == "") http
    + optionalString (cfg.httpConfig != "") (block "http" (lines common + "\n" + cfg.httpConfig))
    + optionalString (cfg.appendConfig != "") "${cfg.appendConfig}\n";
}
