# Types of single values: anything, booleans, numbers, enumerations, packages, paths.
{ lib }:
let
  inherit (builtins)
    elem
    head
    isAttrs
    isBool
    isFloat
    isInt
    isPath
    isString
    length
    substring
    toJSON
    typeOf
    ;
  inherit (lib)
    getFiles
    isDerivation
    mergeEqualOption
    mergeOneOption
    showFiles
    showOption
    types
    ;
  inherit (types) addCheck defaultFunctor mkOptionType;

  noun =
    type:
    mkOptionType (
      {
        descriptionClass = "noun";
        merge = mergeEqualOption;
      }
      // type
    );

  bounded =
    base: name: description: low: high:
    addCheck base (x: x >= low && x <= high) // { inherit name description; };

  refined =
    base: name: description: check:
    addCheck base check
    // {
      inherit name description;
      descriptionClass = "nonRestrictiveClause";
    };

  both = low: high: "${toJSON low} and ${toJSON high} (both inclusive)";

  machineInt =
    name: words: low: high:
    bounded types.int name "${words}; between ${both low high}" low high;
  unsigned =
    bits: range: machineInt "unsignedInt${toString bits}" "${toString bits} bit unsigned integer" 0 (range - 1);
  signed =
    bits: range:
    machineInt "signedInt${toString bits}" "${toString bits} bit signed integer" (-(range / 2)) (range / 2 - 1);
in
{
  ## Anything

  /**
    Any value, defined once and left as it is.
  */
  raw = noun {
    name = "raw";
    description = "raw value";
    merge = mergeOneOption;
  };

  /**
    Any value; sets are merged deeply, functions by their results, the rest must be equal.
  */
  anything = noun {
    name = "anything";
    merge =
      loc: defs:
      let
        kindOf = v: if isAttrs v && lib.isStringLike v then "stringCoercibleSet" else typeOf v;
        kind = kindOf (head defs).value;
        mergeAs = {
          set = (types.attrsOf types.anything).merge;
          stringCoercibleSet = mergeOneOption;
          lambda =
            loc: defs: arg:
            types.anything.merge (loc ++ [ "<function body>" ]) (
              map (def: {
                inherit (def) file;
                value = def.value arg;
              }) defs
            );
        };
      in
      if builtins.all (def: kindOf def.value == kind) defs then
        (mergeAs.${kind} or mergeEqualOption) loc defs
      else
        throw "The option `${showOption loc}' has conflicting option types in ${showFiles (getFiles defs)}";
  };

  /**
    Any value, merged by its kind.
  */
  unspecified = mkOptionType {
    name = "unspecified";
    description = "unspecified value";
    descriptionClass = "noun";
  };

  ## Booleans and numbers

  /**
    A boolean.
  */
  bool = noun {
    name = "bool";
    description = "boolean";
    check = isBool;
  };

  /**
    A boolean that is true if any definition is.
  */
  boolByOr = noun {
    name = "boolByOr";
    description = "boolean (merged using or)";
    check = isBool;
    merge = _: builtins.foldl' (acc: def: acc || def.value) false;
  };

  /**
    An integer.
  */
  int = noun {
    name = "int";
    description = "signed integer";
    check = isInt;
  };

  /**
    Integers in a range: `between`, `unsigned`, `positive`, `u8` to `u32`, `s8` to `s32`.
  */
  ints = {
    between =
      low: high:
      assert lib.assertMsg (low <= high) "ints.between: lowest must be smaller than highest";
      bounded types.int "intBetween" "integer between ${both low high}" low high;
    unsigned = refined types.int "unsignedInt" "unsigned integer, meaning >=0" (x: x >= 0);
    positive = refined types.int "positiveInt" "positive integer, meaning >0" (x: x > 0);
    u8 = unsigned 8 256;
    u16 = unsigned 16 65536;
    u32 = unsigned 32 4294967296;
    s8 = signed 8 256;
    s16 = signed 16 65536;
    s32 = signed 32 4294967296;
  };

  /**
    A TCP or UDP port.
  */
  port = types.ints.u16;

  /**
    A floating point number.
  */
  float = noun {
    name = "float";
    description = "floating point number";
    check = isFloat;
  };

  /**
    An integer or a floating point number.
  */
  number = types.either types.int types.float;

  /**
    Numbers in a range: `between`, `nonnegative`, `positive`.
  */
  numbers = {
    between =
      low: high:
      assert lib.assertMsg (low <= high) "numbers.between: lowest must be smaller than highest";
      bounded types.number "numberBetween" "integer or floating point number between ${both low high}" low
        high;
    nonnegative = refined types.number "numberNonnegative"
      "nonnegative integer or floating point number, meaning >=0"
      (x: x >= 0);
    positive = refined types.number "numberPositive"
      "positive integer or floating point number, meaning >0"
      (x: x > 0);
  };

  /**
    One of a list of values. Declared twice, it is one of either list.
  */
  enum =
    values:
    let
      show =
        v:
        if isString v then
          ''"${v}"''
        else if isInt v then
          toString v
        else if isBool v then
          lib.boolToString v
        else
          "<${typeOf v}>";
      n = length values;
    in
    mkOptionType {
      name = "enum";
      description =
        if n == 0 then
          "impossible (empty enum)"
        else if n == 1 then
          "value ${show (head values)} (singular enum)"
        else
          "one of ${lib.concatMapStringsSep ", " show values}";
      descriptionClass = if n < 2 then "noun" else "conjunction";
      check = x: elem x values;
      merge = mergeEqualOption;
      functor = defaultFunctor "enum" // {
        payload = { inherit values; };
        type = payload: types.enum payload.values;
        binOp = a: b: { values = lib.unique (a.values ++ b.values); };
      };
    };

  ## Packages and paths

  /**
    A package: a derivation or a store path.
  */
  package = noun {
    name = "package";
    check = x: isDerivation x || lib.isStorePath x;
    merge =
      loc: defs:
      let
        value = mergeOneOption loc defs;
      in
      if isPath value || (isString value && !builtins.hasContext value) then
        lib.toDerivation value
      else
        value;
  };

  /**
    A package that is a login shell.
  */
  shellPackage = types.package // {
    check = x: isDerivation x && x ? shellPath;
  };

  /**
    A whole package set.
  */
  pkgs =
    addCheck
      (
        types.unique { message = "A Nixpkgs pkgs set can not be merged with another pkgs set."; } types.attrs
        // {
          name = "pkgs";
          description = "Nixpkgs package set";
          descriptionClass = "noun";
        }
      )
      (x: x._type or null == "pkgs");

  /**
    An absolute path.
  */
  path = types.pathWith { absolute = true; };

  /**
    A path in the store.
  */
  pathInStore = types.pathWith { inStore = true; };

  /**
    An absolute path outside the store, which is never copied there.
  */
  externalPath = types.pathWith {
    absolute = true;
    inStore = false;
  };

  /**
    A path that must, must not or may be absolute, and in the store.
  */
  pathWith =
    {
      inStore ? null,
      absolute ? null,
    }:
    let
      words =
        (if absolute == null then [ ] else if absolute then [ "absolute" ] else [ "relative" ])
        ++ [ "path" ]
        ++ (if inStore == null then [ ] else if inStore then [ "in the Nix store" ] else [ "not in the Nix store" ]);
      liesInStore =
        x:
        lib.path.hasStorePathPrefix (if isPath x then x else /. + builtins.unsafeDiscardStringContext x);
    in
    lib.throwIf (inStore == true && absolute == false)
      "In pathWith, inStore means the path must be absolute"
      (noun {
        name = "path";
        description = lib.concatStringsSep " " words;
        check =
          x:
          # What must stay outside the store cannot be a path value: using it would copy it there.
          (if inStore == false then isString x else lib.isStringLike x)
          && (inStore == null || inStore == liesInStore x)
          && (absolute == null || absolute == (substring 0 1 (toString x) == "/"));
        functor = defaultFunctor "path" // {
          type = types.pathWith;
          payload = { inherit inStore absolute; };
          binOp = a: b: if a == b then a else null;
        };
      });

  /**
    A set of files, as `lib.fileset` makes them; united.
  */
  fileset = noun {
    name = "fileset";
    check = lib.fileset.isFileset;
    merge = _: defs: lib.fileset.unions (lib.getValues defs);
    emptyValue.value = lib.fileset.empty;
  };

  /**
    A piece of Lua, as `mkLuaInline` makes it.
  */
  luaInline = noun {
    name = "luaInline";
    description = "inline lua";
    check = x: x._type or null == "lua-inline";
  };
}
