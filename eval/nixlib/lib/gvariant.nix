# Values of GLib's GVariant, in its text format, as dconf files hold them.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    head
    isBool
    isFloat
    isInt
    isList
    isString
    length
    typeOf
    ;
  gv = lib.gvariant;

  make = type: value: text: {
    _type = "gvariant";
    inherit type value;
    __toString = self: text self.value;
  };
  number = type: prefix: value: make type value (v: "${prefix} ${toString v}");
  plain = type: value: make type value toString;
  quote = s: "'${builtins.replaceStrings [ "\\" "'" "\n" ] [ "\\\\" "\\'" "\\n" ] s}'";
in
{
  ## Types

  type = {
    arrayOf = t: "a${t}";
    maybeOf = t: "m${t}";
    tupleOf = ts: "(${lib.concatStrings ts})";
    dictionaryEntryOf = name: value: "{${name}${value}}";
    string = "s";
    boolean = "b";
    uchar = "y";
    int16 = "n";
    uint16 = "q";
    int32 = "i";
    uint32 = "u";
    int64 = "x";
    uint64 = "t";
    double = "d";
    variant = "v";
  };

  inherit (gv.type)
    string
    boolean
    uchar
    int16
    uint16
    int32
    uint32
    int64
    uint64
    double
    variant
    ;

  /**
    Whether a value is a GVariant value.
  */
  isGVariant = lib.isType "gvariant";

  /**
    Constructors of integers with the range of each.
  */
  intConstructors = [
    { name = "mkInt32"; type = gv.type.int32; min = -2147483648; max = 2147483647; }
    { name = "mkUint32"; type = gv.type.uint32; min = 0; max = 4294967295; }
    { name = "mkInt64"; type = gv.type.int64; min = -9223372036854775807; max = 9223372036854775807; }
    { name = "mkInt16"; type = gv.type.int16; min = -32768; max = 32767; }
    { name = "mkUint16"; type = gv.type.uint16; min = 0; max = 65535; }
    { name = "mkUchar"; type = gv.type.uchar; min = 0; max = 255; }
  ];

  ## Values

  /**
    The GVariant value of a boolean, float, string, list or GVariant value.
  */
  mkValue =
    v:
    if isBool v then
      gv.mkBoolean v
    else if isFloat v then
      gv.mkDouble v
    else if isString v then
      gv.mkString v
    else if isList v then
      gv.mkArray v
    else if gv.isGVariant v then
      v
    else if isInt v then
      let
        fitting = builtins.filter (c: c.min <= v && v <= c.max) gv.intConstructors;
      in
      throw "The GVariant type for number “${toString v}” is unclear.\nPlease wrap the value with one of the following, depending on the value type:\n${
        lib.concatMapStringsSep "\n" (c: "- `lib.gvariant.${c.name} ${toString v}`") fitting
      }"
    else if lib.isAttrs v then
      throw "Cannot construct GVariant value from an attribute set. If you want to construct a dictionary, you will need to create an array containing items constructed with `lib.gvariant.mkDictionaryEntry`."
    else
      throw "The GVariant type of “${typeOf v}” can't be inferred.";

  /**
    An array of values of one type.
  */
  mkArray =
    elems:
    let
      values = map gv.mkValue (
        lib.throwIf (elems == [ ]) "Please create empty array with mkEmptyArray." elems
      );
      type = lib.throwIfNot (lib.all (v: (head values).type == v.type) values) "Elements in a list should have same type." (head values).type;
    in
    make (gv.type.arrayOf type) values (vs: "@${gv.type.arrayOf type} [${concatStringsSep "," (map toString vs)}]");

  /**
    An array without elements, of a type of elements.
  */
  mkEmptyArray =
    elemType:
    make (gv.type.arrayOf elemType) [ ] (_: "@${gv.type.arrayOf elemType} []");

  /**
    A value of any type inside another.
  */
  mkVariant =
    elem:
    let
      inner = gv.mkValue elem;
    in
    make gv.type.variant inner (v: "<${toString v}>");

  /**
    An entry of a dictionary.
  */
  mkDictionaryEntry =
    name: value:
    let
      k = gv.mkValue name;
      v = gv.mkValue value;
      type = gv.type.dictionaryEntryOf k.type v.type;
    in
    make type { name = k; value = v; } (e: "@${type} {${toString e.name},${toString e.value}}");

  /**
    An optional value of a type: null or a value.
  */
  mkMaybe =
    elemType: elem:
    make (gv.type.maybeOf elemType) elem (v: if v == null then "@${gv.type.maybeOf elemType} nothing" else "just ${toString v}");

  /**
    An optional value that is absent.
  */
  mkNothing = elemType: gv.mkMaybe elemType null;

  /**
    An optional value that is present.
  */
  mkJust =
    elem:
    let
      v = gv.mkValue elem;
    in
    gv.mkMaybe v.type v;

  /**
    A tuple.
  */
  mkTuple =
    elems:
    let
      values = map gv.mkValue elems;
      type = gv.type.tupleOf (map (v: v.type) values);
      # A tuple of one has a comma after it, too.
      comma = if length values == 1 then "," else "";
    in
    make type values (vs: "@${type} (${concatStringsSep "," (map toString vs)}${comma})");

  /**
    A boolean.
  */
  mkBoolean = v: make gv.type.boolean v lib.boolToString;

  /**
    A string.
  */
  mkString = v: make gv.type.string v quote;

  /**
    An object path.
  */
  mkObjectpath = v: make gv.type.string v (p: "objectpath '${lib.escape [ "'" ] p}'");

  /**
    An unsigned integer of 8 bits.
  */
  mkUchar = number gv.type.uchar "@y";

  /**
    An integer of 16 bits.
  */
  mkInt16 = number gv.type.int16 "@n";

  /**
    An unsigned integer of 16 bits.
  */
  mkUint16 = number gv.type.uint16 "@q";

  /**
    An integer of 32 bits.
  */
  mkInt32 = plain gv.type.int32;

  /**
    An unsigned integer of 32 bits.
  */
  mkUint32 = number gv.type.uint32 "@u";

  /**
    An integer of 64 bits.
  */
  mkInt64 = number gv.type.int64 "@x";

  /**
    An unsigned integer of 64 bits.
  */
  mkUint64 = number gv.type.uint64 "@t";

  /**
    A floating point number.
  */
  mkDouble = plain gv.type.double;
}
