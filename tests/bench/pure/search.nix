# Searching: queens on a board and subsets with a given sum, by lists of lists.
let
  range = builtins.genList (n: n);
  threatens = column: distance: other:
    other == column || other == column + distance || other == column - distance;
  isSafe = column: rows:
    let
      check = distance: rows:
        rows == [ ]
        || !(threatens column distance (builtins.head rows))
        && check (distance + 1) (builtins.tail rows);
    in
    check 1 rows;
  boards = size:
    let
      extend = rows:
        map (column: [ column ] ++ rows) (builtins.filter (column: isSafe column rows) (range size));
      grow = n: if n == 0 then [ [ ] ] else builtins.concatMap extend (grow (n - 1));
    in
    builtins.length (grow size);
  subsets = total: numbers:
    if total == 0 then 1
    else if numbers == [ ] || total < 0 then 0
    else
      let rest = builtins.tail numbers; in
      subsets (total - builtins.head numbers) rest + subsets total rest;
in
[ (map boards [ 5 6 7 8 9 10 ]) (subsets 60 (builtins.genList (n: n + 1) 22)) ]
