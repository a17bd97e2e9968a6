# Sets of files: chosen by set operations, and made a source tree.
#
# A file set is `{ _type; _internalBase; _internalTree; }`: below the base directory the tree says
# which files are in: null for none, the string "directory" for all below a directory, another
# string (the type) for a file, and a set of trees for a directory taken in part.
{ lib }:
let
  inherit (builtins)
    attrNames
    attrValues
    concatLists
    isAttrs
    isPath
    isString
    length
    mapAttrs
    pathExists
    readDir
    typeOf
    ;
  inherit (lib)
    all
    concatMapStringsSep
    foldl'
    isFunction
    take
    ;

  make = base: tree: {
    _type = "fileset";
    _internalVersion = 3;
    _internalBase = base;
    _internalBaseComponents = lib.path.subpath.components (lib.path.splitRoot base).subpath;
    _internalTree = tree;
    _noEval = throw "lib.fileset: Directly evaluating a file set is not supported.\n  To turn it into a usable source, use `lib.fileset.toSource`.\n  To pretty-print the contents, use `lib.fileset.trace` or `lib.fileset.traceVal`.";
  };
  nothing = {
    _type = "fileset";
    _internalVersion = 3;
    _internalIsEmptyWithoutBase = true;
    _internalTree = null;
  };
  isNothing = set: set._internalIsEmptyWithoutBase or false;

  coerce =
    context: value:
    if value._type or "" == "fileset" then
      value
    else if value ? _isLibCleanSourceWith then
      throw "${context} is a `lib.sources`-based value, but it should be a file set or a path instead.\n    To convert a `lib.sources`-based value to a file set you can use `lib.fileset.fromSource`."
    else if !isPath value then
      throw "${context} is of type ${typeOf value}, but it should be a file set or a path instead."
    else if !pathExists value then
      throw "${context} (${toString value}) is a path that does not exist.\n    To create a file set from a path that may not exist, use `lib.fileset.maybeMissing`."
    else
      fromPath value;

  fromPath =
    path:
    let
      type = lib.pathType path;
    in
    if type == "directory" then
      make path "directory"
    else
      make (dirOf path) { ${baseNameOf path} = type; };

  # A directory's entries as trees, each meaning the whole of it.
  entries = path: mapAttrs (_: type: type) (readDir path);

  # The parts of a tree, as if it had been given in full.
  expand = path: tree: if tree == "directory" then entries path else mapAttrs (_: _: null) (entries path) // tree;

  isEmptyTree = tree: tree == null || (isAttrs tree && all isEmptyTree (attrValues tree));

  # A tree seen from a directory above its base.
  lift = components: tree: lib.setAttrByPath components tree;

  # The tree of a set below a base that is the set's own or above it.
  below =
    baseComponents: set:
    lift (lib.drop (length baseComponents) set._internalBaseComponents) set._internalTree;

  commonBase =
    sets:
    foldl' (
      base: set:
      let
        common = lib.lists.commonPrefix base.components set._internalBaseComponents;
      in
      {
        components = common;
        path = (lib.path.splitRoot base.path).root + ("/" + lib.concatStringsSep "/" common);
      }
    ) {
      components = (lib.head sets)._internalBaseComponents;
      path = (lib.head sets)._internalBase;
    } sets;

  uniteTrees =
    trees:
    let
      given = lib.filter (tree: tree != null) trees;
      whole = lib.findFirst isString null given;
    in
    if given == [ ] then
      null
    else if whole != null then
      whole
    else
      builtins.zipAttrsWith (_: uniteTrees) given;

  uniteAll =
    sets:
    let
      real = lib.filter (set: !isNothing set) sets;
      base = commonBase real;
    in
    if real == [ ] then
      nothing
    else
      make base.path (uniteTrees (map (below base.components) real));

  # Calls a function of directory and both trees where both say something.
  intersectTrees =
    a: b:
    if a == null || b == null then
      null
    else if isString a then
      b
    else if isString b then
      a
    else
      mapAttrs (name: intersectTrees a.${name}) (builtins.intersectAttrs a b);

  subtractTree =
    path: a: b:
    if isString b || a == null then
      null
    else if b == null then
      a
    else
      mapAttrs (
        name: tree: subtractTree (path + "/${name}") tree (b.${name} or null)
      ) (expand path a);

  filterTree =
    predicate: path: tree:
    let
      keep =
        name: type:
        predicate {
          inherit name type;
          hasExt = ext: lib.hasSuffix ".${ext}" name;
        };
      go =
        path: tree:
        mapAttrs (
          name: inner:
          if inner == "directory" || isAttrs inner then
            go (path + "/${name}") inner
          else if inner == null || !keep name inner then
            null
          else
            inner
        ) (expand path tree);
    in
    if tree == null then null else go path tree;

  listTree =
    path: tree:
    if tree == null then
      [ ]
    else if isString tree && tree != "directory" then
      [ path ]
    else
      concatLists (lib.mapAttrsToList (name: listTree (path + "/${name}")) (expand path tree));

  describe =
    indent: path: tree:
    concatMapStringsSep "\n" (
      name:
      let
        inner = tree.${name};
        here = "${indent}- ${name}";
      in
      if inner == "directory" then
        "${here} (all files in directory)"
      else if isString inner then
        "${here} (${inner})"
      else
        "${here}\n${describe "${indent}  " (path + "/${name}") inner}"
    ) (lib.filter (name: !isEmptyTree tree.${name}) (attrNames tree));

  show =
    set:
    if isNothing set || isEmptyTree set._internalTree then
      "(empty)"
    else if set._internalTree == "directory" then
      "${toString set._internalBase} (all files in directory)"
    else
      "${toString set._internalBase}\n${describe "" set._internalBase set._internalTree}";
in
{
  /**
    The file set without files.
  */
  empty = nothing;

  /**
    Whether a value is a file set or a path that can stand for one.
  */
  isFileset = x: x._type or "" == "fileset" || (isPath x && pathExists x);

  /**
    A path as a file set, empty if there is nothing at it.
  */
  maybeMissing =
    path:
    if !isPath path then
      throw "lib.fileset.maybeMissing: Argument is of type ${typeOf path}, but it should be a path instead."
    else if pathExists path then
      fromPath path
    else
      nothing;

  /**
    The files of two sets.
  */
  union =
    a: b:
    uniteAll [
      (coerce "lib.fileset.union: First argument" a)
      (coerce "lib.fileset.union: Second argument" b)
    ];

  /**
    The files of a list of sets.
  */
  unions =
    sets:
    if !builtins.isList sets then
      throw "lib.fileset.unions: Argument is of type ${typeOf sets}, but it should be a list instead."
    else
      uniteAll (lib.imap0 (i: coerce "lib.fileset.unions: Element ${toString i}") sets);

  /**
    The files that are in both sets.
  */
  intersection =
    a: b:
    let
      x = coerce "lib.fileset.intersection: First argument" a;
      y = coerce "lib.fileset.intersection: Second argument" b;
      base = commonBase [ x y ];
    in
    if isNothing x || isNothing y then
      nothing
    else
      make base.path (intersectTrees (below base.components x) (below base.components y));

  /**
    The files of the first set that are not in the second.
  */
  difference =
    a: b:
    let
      x = coerce "lib.fileset.difference: First argument (positive set)" a;
      y = coerce "lib.fileset.difference: Second argument (negative set)" b;
      base = commonBase [ x y ];
    in
    if isNothing x || isNothing y then
      x
    else
      make base.path (
        subtractTree base.path (below base.components x) (below base.components y)
      );

  /**
    The files below a path for which a predicate of `{ name; type; hasExt; }` holds.
  */
  fileFilter =
    predicate: path:
    if !isFunction predicate then
      throw "lib.fileset.fileFilter: First argument is of type ${typeOf predicate}, but it should be a function instead."
    else if !isPath path then
      throw "lib.fileset.fileFilter: Second argument is of type ${typeOf path}, but it should be a path instead."
    else
      let
        set = coerce "lib.fileset.fileFilter: Second argument" path;
      in
      make set._internalBase (filterTree predicate set._internalBase set._internalTree);

  /**
    The files of a filtered source.
  */
  fromSource =
    source:
    let
      root = source.origSrc or source;
      filter = source.filter or (_: _: true);
      go =
        path:
        mapAttrs (
          name: type:
          let
            here = path + "/${name}";
          in
          if !filter (toString here) type then
            null
          else if type == "directory" then
            go here
          else
            type
        ) (readDir path);
    in
    if !isPath root then
      throw "lib.fileset.fromSource: The source origin of the argument is of type ${typeOf root}, but it should be a path instead."
    else
      make root (go root);

  /**
    A source tree of the files of a set: `{ outPath; … }` for use as `src`.
  */
  toSource =
    {
      root,
      fileset,
    }:
    let
      set = coerce "lib.fileset.toSource: `fileset`" fileset;
      rootComponents = lib.path.subpath.components (lib.path.splitRoot root).subpath;
      n = length rootComponents;
      contained = take n set._internalBaseComponents == rootComponents;
      tree = below rootComponents set;
      includes =
        components: tree:
        if components == [ ] then
          !isEmptyTree tree
        else if isString tree then
          true
        else if tree == null then
          false
        else
          includes (lib.tail components) (tree.${lib.head components} or null);
    in
    if !isPath root then
      throw "lib.fileset.toSource: `root` is of type ${typeOf root}, but it should be a path instead."
    else if !isNothing set && !contained then
      throw "lib.fileset.toSource: `fileset` could contain files in ${toString set._internalBase}, which is not under the `root` (${toString root})."
    else
      lib.cleanSourceWith {
        name = "source";
        src = root;
        filter =
          path: _:
          !isNothing set
          && includes (lib.drop n (lib.path.subpath.components ("." + path))) tree;
      };

  /**
    The paths of the files of a set.
  */
  toList =
    fileset:
    let
      set = coerce "lib.fileset.toList: Argument" fileset;
    in
    if isNothing set then [ ] else listTree set._internalBase set._internalTree;

  /**
    Prints a file set and returns another value.
  */
  trace = fileset: builtins.trace (show (coerce "lib.fileset.trace: Argument" fileset));

  /**
    Prints a file set and returns it.
  */
  traceVal =
    fileset: builtins.trace (show (coerce "lib.fileset.traceVal: Argument" fileset)) fileset;

  /**
    The files that git tracks in a repository.
  */
  gitTracked = path: lib.fileset.gitTrackedWith { } path;

  /**
    As `gitTracked`, optionally with submodules.
  */
  gitTrackedWith =
    {
      recurseSubmodules ? false,
    }:
    path:
    let
      fetched = builtins.fetchGit {
        url = path;
        submodules = recurseSubmodules;
        shallow = true;
      };
      go =
        dir:
        mapAttrs (name: type: if type == "directory" then go (dir + "/${name}") else type) (readDir dir);
    in
    if !isPath path then
      throw "lib.fileset.gitTracked: Argument is of type ${typeOf path}, but it should be a path instead."
    else
      make path (go (/. + builtins.unsafeDiscardStringContext fetched.outPath));
}
