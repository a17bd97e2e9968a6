# Sorting: by the built-in order, by a function, and by a key that is computed.
let
  modulo = n: by: n - n / by * by;
  scatter = n: modulo (n * 7919 + 104729) 1000003;
  list = builtins.genList scatter;
  byText = builtins.sort (a: b: a.text < b.text)
    (map (n: { number = n; text = "k${toString n}"; }) (list 40000));
  pairs = builtins.sort builtins.lessThan (map (n: [ (modulo n 100) n ]) (list 30000));
  at = builtins.elemAt;
in
[
  (at (builtins.sort builtins.lessThan (list 250000)) 1000)
  (at (builtins.sort (a: b: b < a) (list 120000)) 1000)
  (at byText 777).number
  (at pairs 12345)
]
