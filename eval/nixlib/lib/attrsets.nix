# Attribute sets: access by path, mapping, filtering, merging, and outputs of derivations.
{ lib }:
let
  inherit (builtins)
    attrNames
    attrValues
    concatLists
    concatMap
    elemAt
    filter
    foldl'
    head
    intersectAttrs
    isAttrs
    length
    listToAttrs
    mapAttrs
    removeAttrs
    ;
  zipAttrsWith =
    builtins.zipAttrsWith or (f: sets: lib.zipAttrsWithNames (concatMap attrNames sets) f sets);
in
{
  inherit (builtins)
    attrNames
    attrValues
    catAttrs
    getAttr
    hasAttr
    intersectAttrs
    isAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    ;
  inherit zipAttrsWith;

  ## Paths of names

  /**
    The attribute at a path of names, or a default.
  */
  attrByPath =
    path: default: set:
    let
      depth = length path;
      go =
        i: value:
        if i == depth then
          value
        else
          let
            name = elemAt path i;
          in
          if value ? ${name} then go (i + 1) value.${name} else default;
    in
    go 0 set;

  /**
    Whether a path of names leads to an attribute.
  */
  hasAttrByPath =
    path: set:
    let
      depth = length path;
      go =
        i: value:
        i == depth
        || (
          let
            name = elemAt path i;
          in
          value ? ${name} && go (i + 1) value.${name}
        );
    in
    go 0 set;

  /**
    The longest beginning of a path that leads to an attribute.
  */
  longestValidPathPrefix =
    path: value:
    let
      depth = length path;
      go =
        i: v:
        if i < depth && v ? ${elemAt path i} then go (i + 1) v.${elemAt path i} else i;
    in
    lib.take (go 0 value) path;

  /**
    A set with one attribute, at a path of names.
  */
  setAttrByPath =
    path: value: lib.foldr (name: inner: { ${name} = inner; }) value path;

  /**
    The attribute at a path of names; fails where there is none.
  */
  getAttrFromPath =
    path: set:
    lib.attrByPath path (abort ("cannot find attribute '" + lib.concatStringsSep "." path + "'")) set;

  /**
    A path of names as it would be written in a program.
  */
  showAttrPath =
    path:
    if path == [ ] then
      "<root attribute path>"
    else
      lib.concatMapStringsSep "." lib.strings.escapeNixIdentifier path;

  /**
    Changes a set by a list of `{ path; update; }`, each `update` getting the old value.
  */
  updateManyAttrsByPath =
    let
      go =
        depth: has: value: updates:
        let
          parts = lib.partition (u: length u.path == depth) updates;
          below =
            if parts.wrong == [ ] then
              value
            else if has && !isAttrs value then
              throw (
                "updateManyAttrsByPath: Path '${
                  lib.showAttrPath (lib.take depth (head parts.wrong).path)
                }' needs to be updated, but path is not an attribute set"
              )
            else
              let
                old = if has then value else { };
                groups = lib.groupBy (u: elemAt u.path depth) parts.wrong;
              in
              old // mapAttrs (name: go (depth + 1) (old ? ${name}) (old.${name} or null)) groups;
          known = has || parts.wrong != [ ];
          apply =
            u: acc:
            if acc.has then
              {
                has = true;
                value = u.update acc.value;
              }
            else
              {
                has = true;
                value = u.update (throw "updateManyAttrsByPath: Path '${lib.showAttrPath u.path}' does not exist in the given value, but the first update to this path tries to access the existing value.");
              };
        in
        (foldl' (acc: u: apply u acc) {
          has = known;
          value = below;
        } parts.right).value;
    in
    updates: value: go 0 true value updates;

  ## Selecting

  /**
    The values of the named attributes, in the order of the names.
  */
  attrVals = names: set: map (name: set.${name}) names;

  /**
    The named attributes of a set; fails where one is missing.
  */
  getAttrs = names: set: lib.genAttrs names (name: set.${name});

  /**
    The attributes for which a predicate of name and value holds.
  */
  filterAttrs =
    pred: set: removeAttrs set (filter (name: !pred name set.${name}) (attrNames set));

  /**
    As `filterAttrs`, in nested sets too.
  */
  filterAttrsRecursive =
    pred: set:
    listToAttrs (
      concatMap (
        name:
        let
          v = set.${name};
        in
        if pred name v then
          [ (lib.nameValuePair name (if isAttrs v then lib.filterAttrsRecursive pred v else v)) ]
        else
          [ ]
      ) (attrNames set)
    );

  /**
    The set if the condition holds, else the empty set.
  */
  optionalAttrs = condition: set: if condition then set else { };

  /**
    Whether a pattern's attributes all occur in a set with equal values, recursively.
  */
  matchAttrs =
    pattern: set:
    assert isAttrs pattern;
    lib.all (
      name:
      set ? ${name}
      && (
        if isAttrs pattern.${name} then
          isAttrs set.${name} && lib.matchAttrs pattern.${name} set.${name}
        else
          pattern.${name} == set.${name}
      )
    ) (attrNames pattern);

  ## Building and mapping

  /**
    A `{ name; value; }` pair for `listToAttrs`.
  */
  nameValuePair = name: value: { inherit name value; };

  /**
    A set with the given names, values computed from the names.
  */
  genAttrs = names: f: listToAttrs (map (name: lib.nameValuePair name (f name)) names);

  /**
    A set of the pairs that a function makes of list elements.
  */
  genAttrs' = xs: f: listToAttrs (map f xs);

  /**
    Maps names and values to new names and values.
  */
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));

  /**
    Maps attributes to a list, in the order of names.
  */
  mapAttrsToList = f: set: attrValues (mapAttrs f set);

  /**
    The list of `{ name; value; }` of a set.
  */
  attrsToList = lib.mapAttrsToList lib.nameValuePair;

  /**
    Maps attributes to sets, which are merged, later names winning.
  */
  concatMapAttrs = f: set: lib.mergeAttrsList (attrValues (mapAttrs f set));

  /**
    Maps all values that are not sets, with their paths.
  */
  mapAttrsRecursive = f: set: lib.mapAttrsRecursiveCond (_: true) f set;

  /**
    As `mapAttrsRecursive`, descending only into sets that fulfil a condition.
  */
  mapAttrsRecursiveCond =
    cond: f: set:
    let
      go =
        path:
        mapAttrs (
          name: value:
          let
            here = path ++ [ name ];
          in
          if isAttrs value && cond value then go here value else f here value
        );
    in
    go [ ] set;

  /**
    As `mapAttrsRecursive`, collected in a list.
  */
  mapAttrsToListRecursive = lib.mapAttrsToListRecursiveCond (_: _: true);

  /**
    As `mapAttrsToListRecursive`, descending only where a condition of path and value holds.
  */
  mapAttrsToListRecursiveCond =
    cond: f: set:
    let
      go =
        path: value:
        if isAttrs value && cond path value then
          concatLists (lib.mapAttrsToList (name: go (path ++ [ name ])) value)
        else
          [ (f path value) ];
    in
    concatLists (lib.mapAttrsToList (name: go [ name ]) set);

  /**
    Folds over attributes in the order of names.
  */
  foldlAttrs =
    f: init: set:
    foldl' (acc: name: f acc name set.${name}) init (attrNames set);

  /**
    Folds the values of each name over a list of sets, from the right.
  */
  foldAttrs =
    f: nul: sets:
    zipAttrsWith (_: values: lib.foldr f nul values) sets;

  /**
    All values in nested sets that fulfil a predicate.
  */
  collect =
    pred: value:
    if pred value then
      [ value ]
    else if isAttrs value then
      concatMap (lib.collect pred) (attrValues value)
    else
      [ ];

  /**
    All combinations of the values of a set of lists.
  */
  cartesianProduct =
    sets:
    foldl' (
      acc: name: concatMap (partial: map (v: partial // { ${name} = v; }) sets.${name}) acc
    ) [ { } ] (attrNames sets);

  /**
    Maps a function over `cartesianProduct`.
  */
  mapCartesianProduct = f: sets: map f (lib.cartesianProduct sets);

  ## Merging

  /**
    Merges a list of sets, later ones winning.
  */
  mergeAttrsList =
    list:
    let
      # Halves, so that each attribute is copied log(n) times only.
      go =
        from: to:
        if to - from >= 2 then
          let
            middle = (from + to) / 2;
          in
          go from middle // go middle to
        else
          elemAt list from;
    in
    if list == [ ] then { } else go 0 (length list);

  /**
    Zips sets by the given names: each value is a function of the name and the list of values.
  */
  zipAttrsWithNames =
    names: f: sets:
    lib.genAttrs names (name: f name (builtins.catAttrs name sets));

  /**
    Zips sets: each value is the list of values of that name.
  */
  zipAttrs = zipAttrsWith (_: values: values);

  /**
    Merges two sets recursively until a predicate of path and both values holds.
  */
  recursiveUpdateUntil =
    pred: lhs: rhs:
    let
      go =
        path: l: r:
        l
        // mapAttrs (
          name: right:
          let
            here = path ++ [ name ];
          in
          if !(l ? ${name}) || pred here right l.${name} then
            right
          else
            go here l.${name} right
        ) r;
    in
    go [ ] lhs rhs;

  /**
    Merges two sets recursively, the right one winning where one of both is no set.
  */
  recursiveUpdate =
    let
      go =
        l: r:
        l
        // mapAttrs (
          name: right:
          let
            left = l.${name};
          in
          if l ? ${name} && isAttrs right && isAttrs left then go left right else right
        ) r;
    in
    go;

  /**
    Replaces attributes of the first set by those of the same name in the second.
  */
  overrideExisting = old: new: mapAttrs (name: value: new.${name} or value) old;

  ## Derivations

  /**
    Whether a value is a derivation.
  */
  isDerivation = value: value.type or null == "derivation";

  /**
    A store path as a fake derivation.
  */
  toDerivation =
    path:
    let
      path' = builtins.storePath path;
    in
    {
      type = "derivation";
      name = lib.sanitizeDerivationName (builtins.substring 33 (-1) (baseNameOf path'));
      outPath = path';
      outputs = [ "out" ];
      out = { inherit (lib.toDerivation path) type name outPath; };
      outputName = "out";
    };

  /**
    An output of a package, by name; its default output where it has none of that name.
  */
  getOutput =
    output: pkg:
    if !pkg ? outputSpecified || !pkg.outputSpecified then pkg.${output} or pkg.out or pkg else pkg;

  /**
    The first of the named outputs that a package has.
  */
  getFirstOutput =
    candidates: pkg:
    let
      found = filter (name: pkg ? ${name}) candidates;
    in
    if pkg.outputSpecified or false || found == [ ] then
      (if pkg.outputSpecified or false then pkg else pkg.out or pkg)
    else
      pkg.${head found};

  /**
    Output with programs.
  */
  getBin = lib.getOutput "bin";

  /**
    Output with libraries.
  */
  getLib = lib.getFirstOutput [
    "lib"
    "out"
  ];

  /**
    Output with static libraries.
  */
  getStatic = lib.getFirstOutput [
    "static"
    "lib"
    "out"
  ];

  /**
    Output with development files.
  */
  getDev = lib.getOutput "dev";

  /**
    Output with headers.
  */
  getInclude = lib.getFirstOutput [
    "include"
    "dev"
    "out"
  ];

  /**
    Output with manual pages.
  */
  getMan = lib.getFirstOutput [
    "man"
    "doc"
    "out"
  ];

  /**
    Development outputs of a list of packages.
  */
  chooseDevOutputs = map lib.getDev;

  /**
    Marks a set as one that package listings descend into.
  */
  recurseIntoAttrs = set: set // { recurseForDerivations = true; };

  /**
    Takes that mark away.
  */
  dontRecurseIntoAttrs = set: set // { recurseForDerivations = false; };

  /**
    Union of two sets that must not share a name.
  */
  unionOfDisjoint =
    x: y:
    let
      shared = attrNames (intersectAttrs x y);
    in
    (x // y)
    // lib.genAttrs shared (
      name: builtins.throw "unionOfDisjoint: collision on ${name}; complete list: ${toString shared}"
    );
}
