# What an expression of a file sees: the arguments of the functions around it.
plain: system: prefix: directory:
let
  unknown = name: throw "nothing is known of the argument `${name}'";
  isSystem = builtins.isAttrs system && system ? config;
  config = builtins.foldl' (it: name: it.${name}) system.config prefix;
  # Older module systems tell the arguments only as an option.
  arguments = of: value: (of._module.args.value or value.args or { })
    // (of._module.specialArgs.value or value.specialArgs or { });
  whole = if isSystem then arguments (system.options or { }) (system._module or { }) else { };
  own = if isSystem && prefix != [ ] then arguments { } (config._module or { }) else { };
  inherit (plain) lib;

  pkgs = if isSystem then system.pkgs or extra.pkgs or plain.pkgs else plain.pkgs;
  extra = whole // own;
  base = {
    inherit lib pkgs;
    system = builtins.currentSystem or "x86_64-linux";
    modulesPath = <nixpkgs/nixos/modules>;
  } // (if !isSystem then { } else {
    inherit config;
    options = system.options;
  } // (if prefix == [ ] then { } else {
    osConfig = system.config;
    nixosConfig = system.config;
    name = builtins.elemAt prefix (builtins.length prefix - 1);
  }));

  # The wanted names (each with whether it may be left out), from the first set that has each.
  given = sets: wanted:
    let
      find = sets: name:
        if sets == [ ] then null
        else if builtins.head sets ? ${name} then { value = (builtins.head sets).${name}; }
        else find (builtins.tail sets) name;
      value = name:
        let found = find sets name; in
        if found != null then found
        else if wanted.${name} then { }
        else { value = unknown name; };
      all = map (name: { inherit name; } // value name) (builtins.attrNames wanted);
    in builtins.listToAttrs (builtins.filter (it: it ? value) all);

  # What a flake around the file hands to the modules of its systems, as nearly everybody does it.
  around = place:
    if builtins.pathExists (place + "/flake.nix") then
      let inherit (flake place) inputs self; all = inputs // { inherit self; };
      in all // { inputs = all; }
    else if toString place == "/" then { }
    else around (dirOf place);

  # The inputs of a flake that can be had without fetching.
  flake = place:
    let
      read = import (place + "/flake.nix");
      said = read.inputs or { };
      formals = removeAttrs (builtins.functionArgs read.outputs) [ "self" ];
      self = (read.outputs (inputs // { inherit self; })) // { outPath = place; inherit inputs; };
      inputs = builtins.mapAttrs (name: _: input place name (said.${name} or { })) (formals // said);
    in { inherit inputs self; };
  input = place: name: spec:
    let
      url = spec.url or "";
      relative = builtins.match "(path:)?(\\./.*|\\.\\./.*)" url;
      absolute = builtins.match "path:(/[^?]*).*" url;
      at =
        if relative != null then place + ("/" + builtins.elemAt relative 1)
        else if absolute != null then /. + builtins.head absolute
        else null;
    in
    if at != null then (if spec.flake or true then (flake at).self else { outPath = at; })
    else if name == "nixpkgs" then {
      outPath = <nixpkgs>;
      inherit lib;
      legacyPackages.${builtins.currentSystem or "x86_64-linux"} = plain.pkgs;
    }
    else unknown name;
in
{
  inherit pkgs lib unknown;
  inherit (base) system;
  # The arguments of a module.
  module = given [ (removeAttrs base [ "system" ]) extra (around directory) ];
  # … with all that there are.
  modules = base // extra;
  # The arguments of a package.
  package = given [ { inherit lib pkgs; } pkgs ];
  # The arguments of any other function.
  usual = given [ base ];
  # The inputs of the flake, with itself, in the file's own directory.
  inputs = let found = builtins.getFlake (toString directory); in found.inputs // { self = found; };
  # … as far as they lie near, by their addresses.
  nearInputs = addresses:
    builtins.mapAttrs (name: url: input directory name { inherit url; }) addresses
    // { inherit (flake directory) self; };
}
