# Types of options: what a definition may be, how definitions are merged, how the type is described.
#
# A type is a set that `mkOptionType` makes. `merge` is a function of the option's path and its
# definitions; it may carry `v2`, which checks and merges in one go and tells more:
# `{ headError; value; valueMeta; }`.
{ lib }:
let
  inherit (builtins) all filter;
  inherit (lib) showOption types;
  inherit (lib.options) showDefs;
  inherit (types)
    checkDefsForError
    checkV2MergeCoherence
    defaultFunctor
    defaultTypeMerge
    ;
in
{
  ## Tagged values

  /**
    Whether a value is a set tagged with a type name (`_type`).
  */
  isType = name: value: value._type or "" == name;

  /**
    Tags a set with a type name.
  */
  setType = _type: value: value // { inherit _type; };

  ## Making types

  /**
    Whether a value is a type of options.
  */
  isOptionType = lib.isType "option-type";

  /**
    Makes a type.
  */
  mkOptionType =
    {
      # Name for programs.
      name,
      # Name for people; the name itself if it is not given.
      description ? null,
      # Grammar of the description, which decides where it needs parentheses: "noun", "conjunction",
      # "composite" or "nonRestrictiveClause".
      descriptionClass ? null,
      # Whether one definition's value is of the type; may be superficial.
      check ? (_: true),
      # Value of an option, from its path and its definitions.
      merge ? lib.mergeDefaultOption,
      # `{ value; }` for an option without definitions, or empty.
      emptyValue ? { },
      # Options inside values, for documentation, from their path.
      getSubOptions ? (_: { }),
      # Modules of a submodule type, null for others.
      getSubModules ? null,
      # The type with other modules.
      substSubModules ? (_: null),
      # The type that unites this one with that of a functor; null if there is none.
      typeMerge ? defaultTypeMerge functor,
      # What `typeMerge` needs to know: `{ name; type; payload; binOp; }`.
      functor ? defaultFunctor name,
      # Advice against the type, or null.
      deprecationMessage ? null,
      # Types that this one is made of.
      nestedTypes ? { },
    }:
    {
      _type = "option-type";
      description = if description == null then name else description;
      inherit
        check
        deprecationMessage
        descriptionClass
        emptyValue
        functor
        getSubModules
        getSubOptions
        merge
        name
        nestedTypes
        substSubModules
        typeMerge
        ;
    };

  /**
    Functor of a type without parameters.
  */
  defaultFunctor = name: {
    inherit name;
    type = types.${name} or null;
    payload = null;
    binOp = _: _: null;
  };

  /**
    Unites two types of the same name by their functors.
  */
  defaultTypeMerge =
    f: f':
    let
      payload = f.binOp f.payload f'.payload;
    in
    if f.name != f'.name then
      null
    else
      assert (f.payload == null) == (f'.payload == null);
      if f.payload == null then
        f.type
      else if payload == null then
        null
      else
        f.type payload;

  /**
    Functor of a type with one element type.
  */
  elemTypeFunctor = name: payload: {
    inherit name payload;
    type = types.${name};
    binOp =
      a: b:
      let
        elemType = a.elemType.typeMerge b.elemType.functor;
      in
      if elemType == null then null else { inherit elemType; };
  };

  /**
    Unites two types; the result is tagged "merge-error" where that is not possible.
  */
  mergeTypes =
    a: b:
    assert types.isOptionType a && types.isOptionType b;
    let
      merged = a.typeMerge b.functor;
    in
    if merged == null then types.setType "merge-error" { error = "Cannot merge types"; } else merged;

  /**
    Description of a type inside a phrase, in parentheses unless its class is one of the bare ones.
  */
  optionDescriptionPhrase =
    isBare: type:
    if isBare (type.descriptionClass or null) then type.description else "(${type.description})";

  ## Checking

  /**
    A type's check that is known to fit a `merge` with `v2`.
  */
  coherentCheck = check: {
    __functor = _: check;
    isV2MergeCoherent = true;
  };

  /**
    A `merge` that is made of its `v2` form.
  */
  mergeV2 = v2: {
    __functor =
      self: loc: defs:
      (self.v2 { inherit loc defs; }).value;
    inherit v2;
  };

  /**
    Null, or the error that some definitions are not of the type.
  */
  checkDefsForError =
    check: loc: defs:
    if all (def: check def.value) defs then
      null
    else
      { message = "Definition values: ${showDefs (filter (def: !check def.value) defs)}"; };

  /**
    Checks and merges by any type, with or without `v2`.
  */
  checkAndMerge =
    type: { loc, defs }@args:
    if type.merge ? v2 then
      checkV2MergeCoherence loc type (type.merge.v2 args)
    else
      {
        value = type.merge loc defs;
        headError = checkDefsForError type.check loc defs;
        valueMeta = { };
      };

  /**
    Refuses types whose check was replaced without their `v2` merge knowing.
  */
  checkV2MergeCoherence =
    loc: type: result:
    if type.check.isV2MergeCoherent or false then
      result
    else
      throw ''
        The option `${showOption loc}' has a type `${type.description}' that uses
        an ad-hoc `type // { check = ...; }' override, which is incompatible with
        the v2 merge mechanism.

        Please use `lib.types.addCheck` instead of `type // { check }':

          lib.types.addCheck baseType (value: /* your check */)
      '';

  /**
    A type with one more check.
  */
  addCheck =
    type: check:
    if type.merge ? v2 then
      type
      // {
        check = types.coherentCheck (x: type.check x && check x);
        merge = types.mergeV2 (
          { loc, defs }@args:
          let
            inner = checkV2MergeCoherence loc type (type.merge.v2 args);
          in
          inner
          // {
            headError =
              if inner.headError == null then checkDefsForError check loc defs else inner.headError;
          }
        );
      }
    else
      type // { check = x: type.check x && check x; };

  /**
    A module that lets documentation be made of submodules with undeclared definitions.
  */
  noCheckForDocsModule = {
    _file = "<module that disables checks for documentation>";
    config._module.check = lib.mkForce false;
  };

  inherit types;
}
// import ./types/scalar.nix { inherit lib; }
// import ./types/text.nix { inherit lib; }
// import ./types/collection.nix { inherit lib; }
// import ./types/compound.nix { inherit lib; }
// import ./types/module.nix { inherit lib; }
