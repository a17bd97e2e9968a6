# Long lists: generated, mapped, filtered and folded, with a number and with a set as accumulator.
let
  numbers = builtins.genList (n: n * 3 + 1) 1500000;
  even = builtins.filter (n: builtins.bitAnd n 1 == 0) numbers;
  sum = builtins.foldl' builtins.add 0;
  extremes = builtins.foldl'
    (seen: n: {
      least = if n < seen.least then n else seen.least;
      most = if n > seen.most then n else seen.most;
    })
    { least = 0; most = 0; };
  # Strict in both attributes, so that no chain of thunks grows.
  strict = builtins.foldl'
    (seen: n: builtins.seq seen.count (builtins.seq seen.total {
      count = seen.count + 1;
      total = seen.total + n;
    }))
    { count = 0; total = 0; };
  counted = strict even;
in
[
  (sum even)
  (sum (map (n: n / 2) even))
  (extremes (builtins.genList (n: n - 2000) 4000))
  counted.count
  counted.total
]
