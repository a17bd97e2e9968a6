# Attribute sets: made from lists, mapped, updated, intersected, asked for what they lack.
let
  range = builtins.genList (n: n);
  modulo = n: by: n - n / by * by;
  large = builtins.listToAttrs (map (n: { name = "key${toString n}"; value = n; }) (range 60000));
  lengths = builtins.mapAttrs (name: value: value + builtins.stringLength name) large;
  some = removeAttrs large (map (n: "key${toString (n * 2)}") (range 20000));
  both = builtins.intersectAttrs some lengths;
  points = map (n: { x = n; y.z = n + 1; } // { x = n * 2; } // { w = n; }) (range 300000);
  score = builtins.foldl'
    (so: p: so + p.x + p.y.z + (p.v or 1) + (if p ? y.q then 1 else 0) + p.w)
    0
    points;
  updates = builtins.foldl'
    (set: n: set // { "slot${toString (modulo n 300)}" = n; })
    { }
    (range 40000);
  total = set: builtins.foldl' (a: b: a + b) 0 (builtins.attrValues set);
in
[ (total both) score (total updates) (builtins.length (builtins.attrNames some)) ]
