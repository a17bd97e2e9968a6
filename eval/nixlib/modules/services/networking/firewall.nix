# The firewall: rules of iptables that let in what is allowed, and what belongs to it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption optionalString types;
  cfg = config.networking.firewall;
  inherit (config.networking) enableIPv6;

  ports =
    protocol:
    mkOption {
      type = types.listOf types.port;
      default = [ ];
      apply = list: lib.unique (lib.sort builtins.lessThan list);
      example = [
        22
        80
      ];
      description = "Ports of ${protocol} that connections are let in at.";
    };
  ranges =
    protocol:
    mkOption {
      type = types.listOf (
        types.submodule {
          options = {
            from = mkOption {
              type = types.port;
              description = "First port.";
            };
            to = mkOption {
              type = types.port;
              description = "Last port.";
            };
          };
        }
      );
      default = [ ];
      example = [
        {
          from = 8999;
          to = 9003;
        }
      ];
      description = "Ranges of ports of ${protocol} that connections are let in at.";
    };
  allowed = {
    allowedTCPPorts = ports "TCP";
    allowedTCPPortRanges = ranges "TCP";
    allowedUDPPorts = ports "UDP";
    allowedUDPPortRanges = ranges "UDP";
  };

  commands =
    description:
    mkOption {
      type = types.lines;
      default = "";
      example = "iptables -A nixos-fw -p icmp -j nixos-fw-accept";
      inherit description;
    };

  helpers = ''
    # One command for both families of addresses.
    ip46tables() {
      iptables -w "$@"
      ${optionalString enableIPv6 ''ip6tables -w "$@"''}
    }
  '';

  # Rules for one interface, or for all.
  accept =
    interface: set:
    let
      from = optionalString (interface != null) "-i ${lib.escapeShellArg interface} ";
      rule = protocol: port: "ip46tables -A nixos-fw -p ${protocol} ${from}--dport ${port} -j nixos-fw-accept\n";
      range = r: "${toString r.from}:${toString r.to}";
    in
    lib.concatMapStrings (port: rule "tcp" (toString port)) set.allowedTCPPorts
    + lib.concatMapStrings (r: rule "tcp" (range r)) set.allowedTCPPortRanges
    + lib.concatMapStrings (port: rule "udp" (toString port)) set.allowedUDPPorts
    + lib.concatMapStrings (r: rule "udp" (range r)) set.allowedUDPPortRanges;

  chains = [
    "nixos-fw"
    "nixos-fw-accept"
    "nixos-fw-log-refuse"
    "nixos-fw-refuse"
  ];

  remove = ''
    ip46tables -D INPUT -j nixos-fw 2>/dev/null || true
    for chain in ${lib.concatStringsSep " " chains}; do
      ip46tables -F "$chain" 2>/dev/null || true
      ip46tables -X "$chain" 2>/dev/null || true
    done
  '';

  rules = ''
    # What is left of an earlier start.
    ${remove}
    for chain in ${lib.concatStringsSep " " chains}; do
      ip46tables -N "$chain"
    done

    ip46tables -A nixos-fw-accept -j ACCEPT
    ${
      if cfg.rejectPackets then
        ''
          # Answer, but do not answer what is not for this machine.
          ip46tables -A nixos-fw-refuse -m pkttype ! --pkt-type unicast -j DROP
          ip46tables -A nixos-fw-refuse -p tcp ! --syn -j REJECT --reject-with tcp-reset
          ip46tables -A nixos-fw-refuse -j REJECT
        ''
      else
        "ip46tables -A nixos-fw-refuse -j DROP\n"
    }
    ${optionalString cfg.logRefusedConnections ''
      ip46tables -A nixos-fw-log-refuse -p tcp --syn -j LOG --log-level info --log-prefix "refused connection: "
    ''}
    ${optionalString cfg.logRefusedPackets ''
      ip46tables -A nixos-fw-log-refuse -m pkttype --pkt-type unicast -j LOG --log-level info --log-prefix "refused packet: "
    ''}
    ip46tables -A nixos-fw-log-refuse -j nixos-fw-refuse

    ${lib.concatMapStrings (interface: ''
      ip46tables -A nixos-fw -i ${lib.escapeShellArg interface} -j nixos-fw-accept
    '') cfg.trustedInterfaces}
    # What belongs to a connection that was let in, or made from here.
    ip46tables -A nixos-fw -m conntrack --ctstate ESTABLISHED,RELATED -j nixos-fw-accept

    ${accept null cfg}
    ${lib.concatStrings (lib.mapAttrsToList accept cfg.interfaces)}
    ${optionalString cfg.allowPing ''
      iptables -w -A nixos-fw -p icmp --icmp-type echo-request ${
        optionalString (cfg.pingLimit != null) "-m limit ${cfg.pingLimit} "
      }-j nixos-fw-accept
    ''}
    ${optionalString enableIPv6 ''
      # Without these, IPv6 does not find its neighbours; redirects and node information are refused.
      ip6tables -A nixos-fw -p icmpv6 --icmpv6-type redirect -j DROP
      ip6tables -A nixos-fw -p icmpv6 --icmpv6-type 139 -j DROP
      ip6tables -A nixos-fw -p icmpv6 -j nixos-fw-accept
      ip6tables -A nixos-fw -d fe80::/64 -p udp --dport 546 -j nixos-fw-accept
    ''}
    ${cfg.extraCommands}
    ip46tables -A nixos-fw -j nixos-fw-log-refuse
    ip46tables -A INPUT -j nixos-fw
  '';
  start = helpers + rules;

  # While the rules are made anew, nothing is let in.
  reload =
    helpers
    + ''
      unblock() {
        ip46tables -D INPUT -j nixos-drop 2>/dev/null || true
        ip46tables -F nixos-drop 2>/dev/null || true
        ip46tables -X nixos-drop 2>/dev/null || true
      }
      unblock
      ip46tables -N nixos-drop
      ip46tables -A nixos-drop -j DROP
      ip46tables -I INPUT -j nixos-drop
      trap unblock EXIT
    ''
    + rules;
in
{
  options.networking.firewall = allowed // {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether there is a firewall, which refuses connections that are not allowed.";
    };

    package = lib.mkPackageOption pkgs "iptables" { };

    interfaces = mkOption {
      type = types.attrsOf (types.submodule { options = allowed; });
      default = { };
      example = lib.literalExpression "{ eth0.allowedTCPPorts = [ 80 ]; }";
      description = "What is let in at single interfaces of the network only.";
    };

    trustedInterfaces = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "enp0s2" ];
      description = "Interfaces of the network at which everything is let in.";
    };

    allowPing = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the machine answers pings of IPv4.";
    };

    pingLimit = mkOption {
      type = types.nullOr (types.separatedString " ");
      default = null;
      example = "--limit 1/minute --limit-burst 5";
      description = "How many pings are answered, in the words of the module `limit`.";
    };

    rejectPackets = mkOption {
      type = types.bool;
      default = false;
      description = "Whether refused packets are answered, instead of being dropped.";
    };

    logRefusedConnections = mkOption {
      type = types.bool;
      default = true;
      description = "Whether refused connections are logged.";
    };

    logRefusedPackets = mkOption {
      type = types.bool;
      default = false;
      description = "Whether all refused packets are logged.";
    };

    extraCommands = commands "Commands for bash at the end of the start of the firewall.";
    extraStopCommands = commands "Commands for bash that take back what `extraCommands` did.";
    extraPackages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages whose programs those commands find.";
    };
  };

  config = lib.mkIf cfg.enable {
    # This machine may always talk to itself.
    networking.firewall.trustedInterfaces = [ "lo" ];

    system.activation.hostPrograms = map (program: {
      inherit (cfg) package;
      inherit program;
    }) ([ "iptables" ] ++ lib.optional enableIPv6 "ip6tables");

    systemd.services.firewall = {
      description = "Firewall";
      wantedBy = [ "sysinit.target" ];
      wants = [ "network-pre.target" ];
      after = [ "systemd-modules-load.service" ];
      before = [
        "network-pre.target"
        "shutdown.target"
      ];
      conflicts = [ "shutdown.target" ];
      path = [ cfg.package ] ++ cfg.extraPackages;
      # Stopping it would leave the machine open for a moment.
      reloadIfChanged = true;
      unitConfig.DefaultDependencies = false;
      script = start;
      inherit reload;
      preStop = ''
        ${helpers}
        ${remove}
        ${cfg.extraStopCommands}
      '';
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
    };
  };
}
