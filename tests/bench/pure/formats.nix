# Data out and in: JSON, TOML and XML of nested values, compared with what they came from.
let
  range = builtins.genList (n: n);
  nested = depth:
    if depth == 0 then { leaf = [ 1 true null "quote \" and \\ and \n" ]; }
    else {
      name = "level ${toString depth}";
      half = depth + 0.5;
      children = map (n: nested (depth - 1)) (range 5);
    };
  tree = nested 7;
  text = builtins.toJSON tree;
  again = builtins.fromJSON text;
  many = map (n: builtins.fromJSON (builtins.toJSON { inherit n; list = range 15; })) (range 12000);
  toml = builtins.concatStringsSep "\n"
    (map (n: "[section-${toString n}]\nnumber = ${toString n}\nwords = [\"a\", \"b\"]") (range 3000));
in
[
  (again == tree)
  (builtins.toJSON again == text)
  (builtins.stringLength text)
  (builtins.stringLength (builtins.toXML tree))
  (builtins.foldl' (sum: it: sum + it.n + builtins.length it.list) 0 many)
  (builtins.length (builtins.attrNames (builtins.fromTOML toml)))
]
