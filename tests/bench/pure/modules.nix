# A module system in small: declarations with types, definitions with priorities, one fixed point.
let
  range = builtins.genList (n: n);
  isWrapped = value: value ? _prio;
  priority = value: if builtins.isAttrs value && isWrapped value then value._prio else 100;
  content = value: if builtins.isAttrs value && isWrapped value then value.content else value;
  force = content: { _prio = 50; inherit content; };
  preferred = values:
    let best = builtins.foldl' (p: v: if priority v < p then priority v else p) 1000 values; in
    map content (builtins.filter (v: priority v == best) values);
  types = {
    int = values: builtins.head values;
    list = values: builtins.concatLists values;
    lines = values: builtins.concatStringsSep "\n" values;
    set = inner: values: builtins.zipAttrsWith (name: inner) values;
  };
  evaluate = modules:
    let
      loaded = map (module: module { inherit config; }) modules;
      options = builtins.zipAttrsWith (name: builtins.head) (map (m: m.options or { }) loaded);
      defined = builtins.zipAttrsWith (name: values: values) (map (m: m.config or { }) loaded);
      config = builtins.mapAttrs
        (name: option:
          let values = preferred (defined.${name} or [ option.default ]); in option.type values)
        options;
    in
    config;
  service = n: { config }: {
    options."service${toString n}" = { type = types.set types.lines; default = { }; };
    config = {
      "service${toString n}" = { start = "run ${toString n}"; stop = "halt"; };
      packages = [ "service-${toString n}" ];
      ports = if n / 7 * 7 == n then [ (8000 + n) ] else [ ];
      limit = if n == 500 then force 9 else 1;
    };
  };
  base = { config }: {
    options = {
      packages = { type = types.list; default = [ ]; };
      ports = { type = types.list; default = [ ]; };
      limit = { type = types.int; default = 0; };
      summary = { type = types.lines; default = ""; };
    };
    config.summary = "${toString (builtins.length config.packages)} packages";
  };
  build = config: {
    inherit (config) summary limit;
    ports = builtins.length config.ports;
    text = builtins.hashString "sha256" (builtins.toJSON config);
  };
in
map (size: build (evaluate ([ base ] ++ map service (range size)))) [ 600 9000 30000 ]
