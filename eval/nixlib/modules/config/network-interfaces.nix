# Addresses of network interfaces, set up by systemd-networkd.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.networking;

  address =
    family: bits:
    types.submodule {
      options = {
        address = mkOption {
          type = types.str;
          description = "Address of ${family}.";
        };
        prefixLength = mkOption {
          type = types.addCheck types.int (n: n >= 0 && n <= bits);
          description = "How many bits of the address are those of the network.";
        };
      };
    };

  addresses =
    family: bits:
    mkOption {
      type = types.listOf (address family bits);
      default = [ ];
      description = "Addresses of ${family} that the interface has.";
    };

  interface =
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
          description = "Name of the interface.";
        };
        useDHCP = mkOption {
          type = types.nullOr types.bool;
          default = null;
          description = "Whether the interface asks for its addresses; null is what `networking.useDHCP` says.";
        };
        ipv4.addresses = addresses "IPv4" 32;
        ipv6.addresses = addresses "IPv6" 128;
        macAddress = mkOption {
          type = types.nullOr types.str;
          default = null;
          example = "00:11:22:33:44:55";
          description = "Hardware address of the interface; null leaves it.";
        };
        mtu = mkOption {
          type = types.nullOr types.int;
          default = null;
          example = 9000;
          description = "How large packets are at most.";
        };
        wakeOnLan.enable = mkOption {
          type = types.bool;
          default = false;
          description = "Whether a packet for it wakes the machine.";
        };
      };
    };

  gateway =
    family:
    mkOption {
      type = types.nullOr (
        types.coercedTo types.str (address: { inherit address; }) (
          types.submodule {
            options = {
              address = mkOption {
                type = types.str;
                description = "Address of the gateway.";
              };
              interface = mkOption {
                type = types.nullOr types.str;
                default = null;
                example = "eth0";
                description = "Interface that leads there. It must be given unless there is only one.";
              };
              metric = mkOption {
                type = types.nullOr types.int;
                default = null;
                description = "Cost of the way; the cheapest one is taken.";
              };
            };
          }
        )
      );
      default = null;
      example = "192.0.2.1";
      description = "Where packets of ${family} for other networks go.";
    };

  interfaces = builtins.attrValues cfg.interfaces;
  gateways = builtins.filter (g: g != null) [
    cfg.defaultGateway
    cfg.defaultGateway6
  ];
  leadsTo = i: g: g.interface == i.name || (g.interface == null && lib.length interfaces == 1);
  asksDHCP = i: if i.useDHCP == null then cfg.useDHCP else i.useDHCP;
  yesNo = value: if value then "yes" else "no";

  route =
    g:
    "\n[Route]\nGateway=${g.address}\n"
    + lib.optionalString (g.metric != null) "Metric=${toString g.metric}\n";

  network =
    i:
    "[Match]\nName=${i.name}\n\n[Network]\nDHCP=${yesNo (asksDHCP i)}\n"
    + lib.optionalString (!cfg.enableIPv6) "IPv6AcceptRA=no\nLinkLocalAddressing=no\n"
    + lib.concatMapStrings (a: "Address=${a.address}/${toString a.prefixLength}\n") (
      i.ipv4.addresses ++ lib.optionals cfg.enableIPv6 i.ipv6.addresses
    )
    + lib.concatMapStrings route (builtins.filter (leadsTo i) gateways)
    + lib.optionalString (i.macAddress != null || i.mtu != null) (
      "\n[Link]\n"
      + lib.optionalString (i.macAddress != null) "MACAddress=${i.macAddress}\n"
      + lib.optionalString (i.mtu != null) "MTUBytes=${toString i.mtu}\n"
    );

  isUsed = cfg.useDHCP || interfaces != [ ];
in
{
  options.networking = {
    useDHCP = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether interfaces ask the network for their addresses. If this is off and there are no
        `networking.interfaces`, the network is left as the machine has it.
      '';
    };

    interfaces = mkOption {
      type = types.attrsOf (types.submodule interface);
      default = { };
      example = lib.literalExpression ''
        {
          eth0.ipv4.addresses = [ { address = "192.0.2.2"; prefixLength = 24; } ];
        }
      '';
      description = "Interfaces of the network, by name.";
    };

    defaultGateway = gateway "IPv4";
    defaultGateway6 = gateway "IPv6";
  };

  config = {
    assertions = map (g: {
      assertion = lib.any (i: leadsTo i g) interfaces;
      message = "The default gateway ${g.address} needs an `interface` that is one of `networking.interfaces`.";
    }) gateways;

    environment.etc = lib.mkIf isUsed (
      builtins.listToAttrs (
        map (i: lib.nameValuePair "systemd/network/40-${i.name}.network" { text = network i; }) interfaces
        ++ map (
          i:
          lib.nameValuePair "systemd/network/40-${i.name}.link" {
            text = "[Match]\nOriginalName=${i.name}\n\n[Link]\nWakeOnLan=magic\n";
          }
        ) (builtins.filter (i: i.wakeOnLan.enable) interfaces)
      )
      // lib.optionalAttrs cfg.useDHCP {
        "systemd/network/99-ethernet-default-dhcp.network".text = ''
          [Match]
          Type=ether
          Kind=!*

          [Network]
          DHCP=yes
        '';
      }
    );

    systemd.units."systemd-networkd.service" = lib.mkIf isUsed { wantedBy = [ "multi-user.target" ]; };
  };
}
