# Lists: folds, searches, slices, sorting, sets of values.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isList
    length
    sort
    tail
    ;
in
{
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    groupBy
    head
    isList
    length
    map
    partition
    sort
    tail
    ;

  ## Making lists

  /**
    A list of one element.
  */
  singleton = x: [ x ];

  /**
    `map` with its arguments swapped.
  */
  forEach = xs: f: map f xs;

  /**
    A list of one element if the condition holds, else the empty list.
  */
  optional = condition: x: if condition then [ x ] else [ ];

  /**
    The list if the condition holds, else the empty list.
  */
  optionals = condition: xs: if condition then xs else [ ];

  /**
    Lists as they are, other values as lists of one.
  */
  toList = x: if isList x then x else [ x ];

  /**
    Integers from the first to the last, both included.
  */
  range = first: last: if first > last then [ ] else genList (n: first + n) (last - first + 1);

  /**
    A list of n times the same value.
  */
  replicate = n: x: genList (_: x) n;

  /**
    Flattens nested lists; a value that is no list becomes a list of one.
  */
  flatten = x: if isList x then concatMap lib.flatten x else [ x ];

  /**
    Concatenates the lists that are a set's values.
  */
  concatAttrValues = set: concatLists (builtins.attrValues set);

  ## Folds

  /**
    Folds from the right: `f x1 (f x2 (… nul))`.
  */
  foldr =
    f: nul: list:
    let
      n = length list;
      go = i: if i == n then nul else f (elemAt list i) (go (i + 1));
    in
    go 0;

  /**
    Old name of `foldr`.
  */
  fold = lib.foldr;

  /**
    Folds from the left, without forcing the steps.
  */
  foldl =
    f: nul: list:
    let
      go = i: if i == 0 then nul else f (go (i - 1)) (elemAt list (i - 1));
    in
    go (length list);

  /**
    Maps with the index, counting from 0.
  */
  imap0 = f: list: genList (n: f n (elemAt list n)) (length list);

  /**
    Maps with the index, counting from 1.
  */
  imap1 = f: list: genList (n: f (n + 1) (elemAt list n)) (length list);

  /**
    Filters with the index, counting from 0.
  */
  ifilter0 =
    pred: list:
    concatLists (lib.imap0 (i: x: if pred i x then [ x ] else [ ]) list);

  /**
    How many elements fulfil a predicate.
  */
  count = pred: foldl' (n: x: if pred x then n + 1 else n) 0;

  ## Searching

  /**
    Removes every element equal to a value.
  */
  remove = x: filter (y: y != x);

  /**
    The one element that fulfils a predicate, or a value for none, or a value for several.
  */
  findSingle =
    pred: none: several: list:
    let
      found = filter pred list;
      n = length found;
    in
    if n == 0 then
      none
    else if n == 1 then
      head found
    else
      several;

  /**
    Index of the first element that fulfils a predicate, or a default.
  */
  findFirstIndex =
    pred: default: list:
    let
      # A strict fold: evaluates no element after the one found, and does not nest.
      found = foldl' (
        i: x:
        if i >= 0 then
          i
        else if pred x then
          -i - 1
        else
          i - 1
      ) (-1) list;
    in
    if found < 0 then default else found;

  /**
    The first element that fulfils a predicate, or a default.
  */
  findFirst =
    pred: default: list:
    let
      i = lib.lists.findFirstIndex pred null list;
    in
    if i == null then default else elemAt list i;

  /**
    Groups by key and folds each group.
  */
  groupBy' =
    op: nul: key: list:
    builtins.mapAttrs (_: foldl' op nul) (builtins.groupBy key list);

  ## Pairs of lists

  /**
    Combines two lists element by element, as long as the shorter.
  */
  zipListsWith =
    f: xs: ys:
    genList (n: f (elemAt xs n) (elemAt ys n)) (lib.min (length xs) (length ys));

  /**
    Pairs of two lists as `{ fst; snd; }`.
  */
  zipLists = lib.zipListsWith (fst: snd: { inherit fst snd; });

  /**
    Applies a function of several arguments to all combinations.
  */
  crossLists = f: foldl' (fs: args: concatMap (g: map g args) fs) [ f ];

  ## Slices

  /**
    The list backwards.
  */
  reverseList =
    xs:
    let
      n = length xs;
    in
    genList (i: elemAt xs (n - i - 1)) n;

  /**
    `count` elements from index `start` on, as many as there are.
  */
  sublist =
    start: count: list:
    let
      n = length list;
    in
    genList (i: elemAt list (i + start)) (
      if start >= n then
        0
      else if start + count > n then
        n - start
      else
        count
    );

  /**
    The first n elements.
  */
  take = n: lib.sublist 0 n;

  /**
    The last n elements.
  */
  takeEnd = n: xs: lib.drop (lib.max 0 (length xs - n)) xs;

  /**
    All but the first n elements.
  */
  drop = n: list: lib.sublist n (length list) list;

  /**
    All but the last n elements.
  */
  dropEnd = n: xs: lib.take (lib.max 0 (length xs - n)) xs;

  /**
    The last element.
  */
  last =
    list:
    assert lib.assertMsg (list != [ ]) "lists.last: list must not be empty!";
    elemAt list (length list - 1);

  /**
    All but the last element.
  */
  init =
    list:
    assert lib.assertMsg (list != [ ]) "lists.init: list must not be empty!";
    genList (elemAt list) (length list - 1);

  /**
    Whether a list begins with another one.
  */
  hasPrefix = prefix: list: lib.take (length prefix) list == prefix;

  /**
    Removes a prefix; fails where the list does not begin with it.
  */
  removePrefix =
    prefix: list:
    if lib.lists.hasPrefix prefix list then
      lib.drop (length prefix) list
    else
      throw "lib.lists.removePrefix: First argument is not a list prefix of the second argument";

  /**
    The longest common beginning of two lists.
  */
  commonPrefix =
    xs: ys:
    let
      n = lib.min (length xs) (length ys);
      differs = lib.lists.findFirstIndex (i: elemAt xs i != elemAt ys i) n (genList (i: i) n);
    in
    lib.take differs xs;

  /**
    Replaces the element at an index.
  */
  replaceElemAt =
    list: index: new:
    if index >= 0 && index < length list then
      genList (i: if i == index then new else elemAt list i) (length list)
    else
      throw "'lists.replaceElemAt' called with index ${toString index} on a list of size ${toString (length list)}";

  ## Order

  /**
    Sorts by a key, computed once for each element; stable.
  */
  sortOn =
    key: list:
    map (pair: elemAt pair 1) (
      sort (a: b: head a < head b) (
        map (x: [
          (key x)
          x
        ]) list
      )
    );

  /**
    Compares two lists element by element with a comparison of elements.
  */
  compareLists =
    cmp: a: b:
    if a == [ ] then
      (if b == [ ] then 0 else -1)
    else if b == [ ] then
      1
    else
      let
        first = cmp (head a) (head b);
      in
      if first == 0 then lib.compareLists cmp (tail a) (tail b) else first;

  /**
    Sorts strings so that numbers inside them count by value.
  */
  naturalSort =
    list:
    let
      key =
        s: map (part: if isList part then lib.toInt (head part) else part) (builtins.split "(0|[1-9][0-9]*)" s);
      keyed = map (s: {
        inherit s;
        key = key s;
      }) list;
    in
    map (x: x.s) (sort (a: b: lib.compareLists lib.compare a.key b.key < 0) keyed);

  /**
    Depth-first search from an element of a partial order, `before a b` meaning a comes before b.
  */
  listDfs =
    stopOnCycles: before: list:
    let
      go =
        us: visited: rest:
        let
          cycle = filter (x: before x us) visited;
          parts = builtins.partition (x: before x us) rest;
        in
        if stopOnCycles && cycle != [ ] then
          {
            cycle = us;
            loops = cycle;
            inherit visited rest;
          }
        else if parts.right == [ ] then
          {
            minimal = us;
            inherit visited rest;
          }
        else
          go (head parts.right) ([ us ] ++ visited) (tail parts.right ++ parts.wrong);
    in
    go (head list) [ ] (tail list);

  /**
    Sorts by a partial order: `{ result; }`, or `{ cycle; loops; }` where there is a cycle.
  */
  toposort =
    before: list:
    let
      step = lib.listDfs true before list;
      rest = lib.toposort before (step.visited ++ step.rest);
    in
    if length list < 2 then
      { result = list; }
    else if step ? cycle then
      {
        cycle = lib.reverseList ([ step.cycle ] ++ step.visited);
        inherit (step) loops;
      }
    else if rest ? cycle then
      rest
    else
      { result = [ step.minimal ] ++ rest.result; };

  ## Lists as sets

  /**
    The list without repetitions, first occurrences kept.
  */
  unique = foldl' (acc: x: if elem x acc then acc else acc ++ [ x ]) [ ];

  /**
    The distinct strings of a list, sorted.
  */
  uniqueStrings =
    list: attrNames (builtins.listToAttrs (map (name: lib.nameValuePair name null) list));

  /**
    Whether no element occurs twice.
  */
  allUnique = list: length (lib.unique list) == length list;

  /**
    Elements of the second list that occur in the first.
  */
  intersectLists = e: filter (x: elem x e);

  /**
    Elements of the second list that do not occur in the first.
  */
  subtractLists = e: filter (x: !(elem x e));

  /**
    Whether two lists share no element.
  */
  mutuallyExclusive = a: b: lib.length a == 0 || !(builtins.any (x: elem x a) b);
}
