# Names and versions: parsed, compared, matched and split with regular expressions.
let
  range = builtins.genList (n: n);
  modulo = n: by: n - n / by * by;
  name = n: "lib-thing${toString (modulo n 13)}-${toString (n / 100)}.${toString (modulo n 100)}rc${toString (modulo n 7)}";
  names = map name (range 60000);
  parsed = map builtins.parseDrvName names;
  parts = builtins.match "([a-z-]+)([0-9]+)-([0-9]+)\\.([0-9]+)(rc([0-9]))?";
  matched = builtins.filter (m: m != null && builtins.elemAt m 5 == "3") (map parts names);
  pieces = builtins.concatMap (s: builtins.filter builtins.isString (builtins.split "[.-]" s)) names;
  newer = builtins.foldl'
    (best: p: if builtins.compareVersions p.version best > 0 then p.version else best)
    "0"
    parsed;
  components = builtins.concatMap (p: builtins.splitVersion p.version) parsed;
in
[ (builtins.length matched) (builtins.length pieces) newer (builtins.length components) ]
