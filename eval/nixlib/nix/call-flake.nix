# The flake at the root of a lock file, with all its inputs, as a value.
#
# `lock`: the lock file. `fetched`: by the key of a node, the trees that are there already, as
# `{ sourceInfo, dir }`. `fetch`: `fetchTree`, which adds nothing to what is final.
{
  lock,
  fetched,
  fetch,
}:
let
  under = base: way: if way == "" then base else "${base}/${way}";

  # The key of the node that an input is: it has one, or follows another input.
  keyOf = input: if builtins.isList input then builtins.foldl' step lock.root input else input;
  step = key: name: keyOf lock.nodes.${key}.inputs.${name};

  load =
    key: node:
    let
      locked = node.locked or { };
      given = fetched.${key} or null;
      isBelow =
        given == null && locked.type or "" == "path" && builtins.substring 0 1 locked.path != "/";
      parent = loaded.${keyOf node.parent};

      sourceInfo =
        if given != null then
          given.sourceInfo
        else if isBelow then
          parent.sourceInfo
        else
          fetch (removeAttrs locked [ "dir" ] // { __final = fetch; });

      top = if isBelow then under parent.outPath locked.path else sourceInfo.outPath;
      outPath = under top (if given != null then given.dir else locked.dir or "");

      flake = import (outPath + "/flake.nix");
      inputs = builtins.mapAttrs (_: input: loaded.${keyOf input}.value) (node.inputs or { });
      outputs = flake.outputs (inputs // { self = self; });
      self =
        outputs
        // sourceInfo
        // {
          inherit
            inputs
            outPath
            outputs
            sourceInfo
            ;
          _type = "flake";
        };
    in
    {
      inherit outPath sourceInfo;
      value =
        if !(node.flake or true) then
          sourceInfo // { inherit outPath sourceInfo; }
        else
          assert builtins.isFunction flake.outputs;
          self;
    };

  loaded = builtins.mapAttrs load lock.nodes;
in
loaded.${lock.root}.value
