# A package set as nixpkgs builds one: a fixed point, layers of changes, arguments by name.
let
  range = builtins.genList (n: n);
  fixed = f: let self = f self; in self;
  layer = change: base: self: let super = base self; in super // change self super;
  callWith = scope: function: given:
    let
      wanted = builtins.intersectAttrs (builtins.functionArgs function) scope;
      result = function (wanted // given);
    in
    result // { override = more: callWith scope function (given // more); };
  package = { index, scale ? 1, left ? null, right ? null, tools }:
    {
      name = "package-${toString index}-${tools.version}";
      size = scale * (index + 1) + (left.size or 0) / 2 + (right.size or 0) / 3;
      inputs = builtins.filter (p: p != null) [ (left.name or null) (right.name or null) ];
    };
  count = 60000;
  base = self: {
    tools.version = "1";
  } // builtins.listToAttrs (map
    (n: {
      name = "p${toString n}";
      value = callWith self package {
        index = n;
        left = if n < 2 then null else self."p${toString (n / 2)}";
        right = if n < 3 then null else self."p${toString (n / 3)}";
      };
    })
    (range count));
  changes = [ (self: super: { tools = super.tools // { version = "2"; }; }) ] ++ map
    (n: self: super: {
      "p${toString (n * 31)}" = super."p${toString (n * 31)}".override { scale = 2; };
    })
    (range 60);
  all = fixed (builtins.foldl' (base: change: layer change base) base changes);
  list = map (n: all."p${toString n}") (range count);
in
[
  (builtins.foldl' (sum: p: sum + p.size) 0 list)
  (builtins.foldl' (sum: p: sum + builtins.length p.inputs) 0 list)
  all.p4321.name
  (all.p99.override { scale = 7; }).size
]
