# Laziness: tables that refer to themselves, endless streams, and much that nobody needs.
let
  range = builtins.genList (n: n);
  modulo = n: by: n - n / by * by;
  paths = builtins.genList
    (y: builtins.genList
      (x:
        if x == 0 || y == 0 then 1
        else modulo (cell (x - 1) y + cell x (y - 1)) 1000003)
      300)
    300;
  cell = x: y: builtins.elemAt (builtins.elemAt paths y) x;
  from = n: { first = n; rest = from (n + 1); };
  keep = test: stream:
    if test stream.first then { inherit (stream) first; rest = keep test stream.rest; }
    else keep test stream.rest;
  primes = stream: {
    inherit (stream) first;
    rest = primes (keep (n: modulo n stream.first != 0) stream.rest);
  };
  nth = n: stream: if n == 0 then stream.first else nth (n - 1) stream.rest;
  scopes = map
    (n: with { low = n; high = n + 1; }; let middle = low + high; in rec {
      value = middle * 2;
      answer = value - low;
      never = throw "nobody needs it ${toString value}";
    })
    (range 250000);
in
[
  (cell 299 299)
  (nth 400 (primes (from 2)))
  (builtins.foldl' (sum: it: sum + it.answer) 0 scopes)
]
