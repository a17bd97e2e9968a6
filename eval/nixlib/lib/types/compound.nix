# Types made of other types: alternatives, null, conversions, uniqueness, functions, serializable data.
{ lib }:
let
  inherit (builtins)
    all
    elemAt
    filter
    foldl'
    head
    length
    tail
    zipAttrsWith
    ;
  inherit (lib) getFiles isFunction showFiles showOption types;
  inherit (lib.options) showDefs;
  inherit (lib.modules) mergeDefinitions;
  inherit (types)
    checkAndMerge
    checkDefsForError
    coherentCheck
    defaultFunctor
    elemTypeFunctor
    mergeV2
    mkOptionType
    ;
  phraseOf = classes: types.optionDescriptionPhrase (class: builtins.elem class classes);
in
{
  /**
    Null or a value of a type.
  */
  nullOr =
    elemType:
    mkOptionType {
      name = "nullOr";
      description = "null or ${phraseOf [ "noun" "conjunction" ] elemType}";
      descriptionClass = "conjunction";
      check = x: x == null || elemType.check x;
      merge =
        loc: defs:
        let
          nulls = length (filter (def: def.value == null) defs);
        in
        if nulls == 0 then
          elemType.merge loc defs
        else if nulls == length defs then
          null
        else
          throw "The option `${showOption loc}` is defined both null and not null, in ${showFiles (getFiles defs)}.";
      emptyValue.value = null;
      inherit (elemType) getSubOptions getSubModules;
      substSubModules = m: types.nullOr (elemType.substSubModules m);
      functor = elemTypeFunctor "nullOr" { inherit elemType; } // {
        type = payload: types.nullOr payload.elemType;
      };
      nestedTypes = { inherit elemType; };
    };

  /**
    A type whose option may be defined only once.
  */
  uniq = types.unique { message = ""; };

  /**
    As `uniq`, with a message that tells why.
  */
  unique =
    { message }:
    type:
    mkOptionType {
      name = "unique";
      inherit (type)
        check
        description
        descriptionClass
        emptyValue
        getSubModules
        getSubOptions
        ;
      merge = lib.mergeUniqueOption {
        inherit message;
        inherit (type) merge;
      };
      substSubModules = m: types.uniq (type.substSubModules m);
      functor = elemTypeFunctor "unique" { elemType = type; } // {
        type = payload: types.unique { inherit message; } payload.elemType;
      };
      nestedTypes.elemType = type;
    };

  /**
    A value of one of two types; all definitions must be of the same one.
  */
  either =
    t1: t2:
    mkOptionType rec {
      name = "either";
      description =
        if t1.descriptionClass or null == "nonRestrictiveClause" then
          "${t1.description}, or ${phraseOf [ "noun" "conjunction" ] t2}"
        else
          "${phraseOf [ "noun" "conjunction" ] t1} or ${phraseOf [ "noun" "conjunction" "composite" ] t2}";
      descriptionClass = "conjunction";
      check = coherentCheck (x: t1.check x || t2.check x);
      merge = mergeV2 (
        { loc, defs }@args:
        let
          first = checkAndMerge t1 args;
          second = checkAndMerge t2 args;
          headError.message = "The option `${showOption loc}` is neither a value of type `${t1.description}` nor `${t2.description}`, Definition values: ${showDefs defs}";
        in
        if first.headError == null then
          first
        else if second.headError == null then
          second
        else
          {
            inherit headError;
            valueMeta = { inherit headError; };
            # Reached only by those who do not look at the error, as freeform types do.
            value = lib.warn ''
              One or more definitions did not pass the type-check of the 'either' type.
              ${headError.message}
              In a freeformType, put such a type into an `attrsOf`: `freeformType = types.attrsOf (types.either t1 t2)`.
              This will be an error some day.
            '' (lib.mergeOneOption loc defs);
          }
      );
      typeMerge =
        f:
        let
          mergeWith = t: i: t.typeMerge (elemAt f.payload.elemType i).functor;
          m1 = mergeWith t1 0;
          m2 = mergeWith t2 1;
        in
        if f.name == name && m1 != null && m2 != null then types.either m1 m2 else null;
      functor = elemTypeFunctor name { elemType = [ t1 t2 ]; };
      nestedTypes = {
        left = t1;
        right = t2;
      };
    };

  /**
    A value of one of several types.
  */
  oneOf =
    alternatives:
    if alternatives == [ ] then
      throw "types.oneOf needs to get at least one type in its argument"
    else
      foldl' types.either (head alternatives) (tail alternatives);

  /**
    A value of a type, or of another one that a function converts to it.
  */
  coercedTo =
    from: coerce: to:
    let
      convert =
        loc: def:
        if
          (checkAndMerge from {
            inherit loc;
            defs = [ def ];
          }).headError == null
        then
          def // { value = coerce def.value; }
        else
          def;
      check = coherentCheck (x: (from.check x && to.check (coerce x)) || to.check x);
    in
    assert lib.assertMsg (
      from.getSubModules == null
    ) "coercedTo: coercedType must not have submodules (it’s a ${from.description})";
    mkOptionType {
      name = "coercedTo";
      description = "${phraseOf [ "noun" ] to} or ${phraseOf [ "noun" ] from} convertible to it";
      inherit check;
      merge = mergeV2 (
        { loc, defs }:
        let
          converted = map (convert loc) defs;
        in
        if to.merge ? v2 then
          checkAndMerge to {
            inherit loc;
            defs = converted;
          }
        else
          {
            value = to.merge loc converted;
            valueMeta = { };
            headError = checkDefsForError check loc defs;
          }
      );
      inherit (to) emptyValue getSubModules getSubOptions;
      substSubModules = m: types.coercedTo from coerce (to.substSubModules m);
      typeMerge = _: null;
      functor = defaultFunctor "coercedTo";
      nestedTypes = {
        coercedType = from;
        finalType = to;
      };
    };

  /**
    A function whose results are of a type.
  */
  functionTo =
    elemType:
    mkOptionType {
      name = "functionTo";
      description = "function that evaluates to a(n) ${phraseOf [ "noun" "composite" ] elemType}";
      descriptionClass = "composite";
      check = isFunction;
      merge = loc: defs: {
        # An argument is optional only if it is so for all definitions.
        __functionArgs = zipAttrsWith (_: all (x: x)) (map (def: lib.functionArgs def.value) defs);
        __functor =
          _: argument:
          (mergeDefinitions (loc ++ [ "<function body>" ]) elemType (
            map (def: {
              inherit (def) file;
              value = def.value argument;
            }) defs
          )).mergedValue;
      };
      getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<function body>" ]);
      inherit (elemType) getSubModules;
      substSubModules = m: types.functionTo (elemType.substSubModules m);
      functor = elemTypeFunctor "functionTo" { inherit elemType; } // {
        type = payload: types.functionTo payload.elemType;
      };
      nestedTypes = { inherit elemType; };
    };

  /**
    Data that a format such as JSON can hold, with or without null.
  */
  serializableValueWith =
    {
      typeName,
      nullable ? true,
    }:
    let
      base = types.oneOf [
        types.bool
        types.int
        types.float
        types.str
        types.path
        (types.attrsOf value)
        (types.listOf value)
      ];
      value = (if nullable then types.nullOr base else base) // {
        description = "${typeName} value";
      };
    in
    value;

  /**
    Data that JSON can hold.
  */
  json = types.serializableValueWith { typeName = "JSON"; };

  /**
    Data that TOML can hold.
  */
  toml = types.serializableValueWith {
    typeName = "TOML";
    nullable = false;
  };
}
