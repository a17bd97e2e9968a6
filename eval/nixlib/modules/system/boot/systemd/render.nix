# Texts of units.
{ lib }:
let
  inherit (builtins) isList;

  show =
    value:
    if value == true then
      "true"
    else if value == false then
      "false"
    else
      toString value;

  settings =
    attrs:
    lib.concatStrings (
      lib.concatLists (
        lib.mapAttrsToList (
          name: value: map (one: "${name}=${show one}\n") (if isList value then value else [ value ])
        ) attrs
      )
    );

  section = name: lines: "[${name}]\n${lines}";

  unit = def: section "Unit" (settings def.unitConfig);

  # A unit with one more section.
  withSection = name: lines: def: "${unit def}\n${section name (lines def)}";

  variable =
    name: value: "Environment=${builtins.toJSON "${name}=${value}"}\n";
in
{
  inherit settings;

  target = unit;

  /**
    A service, with variables that all services have.
  */
  service =
    globalEnvironment:
    withSection "Service" (
      def:
      lib.concatStrings (
        lib.mapAttrsToList variable (
          lib.filterAttrs (_: value: value != null) (globalEnvironment // def.environment)
        )
      )
      + (
        if def.reloadIfChanged then
          "X-ReloadIfChanged=true\n"
        else
          lib.optionalString (!def.restartIfChanged) "X-RestartIfChanged=false\n"
      )
      + lib.optionalString (!def.stopIfChanged) "X-StopIfChanged=false\n"
      + settings def.serviceConfig
    );

  socket = withSection "Socket" (
    def: settings def.socketConfig + lib.concatMapStrings (stream: "ListenStream=${stream}\n") def.listenStreams
  );
  timer = withSection "Timer" (def: settings def.timerConfig);
  path = withSection "Path" (def: settings def.pathConfig);
  slice = withSection "Slice" (def: settings def.sliceConfig);
  mount = withSection "Mount" (def: settings def.mountConfig);
  automount = withSection "Automount" (def: settings def.automountConfig);
}
