# Text: built up, cut, searched, replaced, joined and hashed.
let
  range = builtins.genList (n: n);
  line = n: "entry-${toString n}: ${toString (n * n)} of ${toString (n + 1)}, and so on";
  text = builtins.concatStringsSep "\n" (map line (range 120000));
  shout = builtins.replaceStrings
    [ "entry" "and" "of" "a" "e" "i" "o" "u" ]
    [ "ENTRY" "AND" "OF" "1" "2" "3" "4" "5" ];
  page = builtins.substring 0 2000 text;
  letters = builtins.genList (n: builtins.substring (n - n / 2000 * 2000) 1 page) 300000;
  digits = builtins.filter (c: c >= "0" && c <= "9") letters;
  grown = builtins.foldl' (so: n: so + "${toString n};") "" (range 5000);
  indented = n: ''
    first ${toString n}
      second
    third ''${n} and '''quotes'''
  '';
in
[
  (builtins.stringLength text)
  (builtins.hashString "sha256" (shout text))
  (builtins.length digits)
  (builtins.hashString "sha1" grown)
  (builtins.hashString "md5" (builtins.concatStringsSep "" (map indented (range 80000))))
]
