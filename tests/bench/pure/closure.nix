# Graphs: transitive closures by number and by name, groups, and an order of dependencies.
let
  range = builtins.genList (n: n);
  modulo = n: by: n - n / by * by;
  reachable = builtins.genericClosure {
    startSet = [ { key = 1; } ];
    operator = { key }:
      map (key: { inherit key; })
        (builtins.filter (n: n < 70000) [ (key * 3) (key * 2 + 1) (key + 5) ]);
  };
  named = builtins.genericClosure {
    startSet = [ { key = "n0"; depth = 0; } ];
    operator = { key, depth }:
      if depth > 13 then [ ]
      else map (n: { key = "${builtins.substring 0 6 key}${toString n}"; depth = depth + 1; }) [ 0 1 2 ];
  };
  groups = builtins.groupBy (it: toString (modulo it.key 64)) reachable;
  needs = n: builtins.filter (m: m >= 0 && m < n) [ (n / 2) (n / 3) (n - 1) ];
  visit = state: n:
    if state.seen ? ${toString n} then state
    else
      let after = builtins.foldl' visit state (needs n); in
      { seen = after.seen // { ${toString n} = true; }; count = after.count + 1; };
in
[
  (builtins.length reachable)
  (builtins.length named)
  (builtins.mapAttrs (name: builtins.length) { inherit (groups) "7" "42"; })
  (builtins.foldl' visit { seen = { }; count = 0; } (range 1200)).count
]
