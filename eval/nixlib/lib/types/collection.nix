# Types of lists and attribute sets.
{ lib }:
let
  inherit (builtins)
    filter
    isAttrs
    isList
    mapAttrs
    zipAttrsWith
    ;
  inherit (lib) types;
  inherit (lib.modules) mergeDefinitions;
  inherit (types)
    addCheck
    checkDefsForError
    coherentCheck
    elemTypeFunctor
    mergeV2
    mkOptionType
    optionDescriptionPhrase
    ;

  nounOrComposite = class: class == "noun" || class == "composite";
  phrase = optionDescriptionPhrase nounOrComposite;
  meta = merged: merged.checkedAndMerged.valueMeta;
in
{
  ## Lists

  /**
    A list; definitions are concatenated.
  */
  listOf =
    elemType:
    let
      check = coherentCheck isList;
      # Names an element in messages by where it is written.
      mergeElement =
        loc: n: def: m: value:
        mergeDefinitions (loc ++ [ "[definition ${toString n}-entry ${toString m}]" ]) elemType [
          {
            inherit (def) file;
            inherit value;
          }
        ];
    in
    mkOptionType {
      name = "listOf";
      description = "list of ${phrase elemType}";
      descriptionClass = "composite";
      inherit check;
      merge = mergeV2 (
        { loc, defs }:
        let
          elements = builtins.concatLists (
            lib.imap1 (n: def: lib.imap1 (mergeElement loc n def) def.value) defs
          );
          # What mkIf took away leaves no gap.
          present = filter (e: e.isDefined) elements;
        in
        {
          headError = checkDefsForError check loc defs;
          value = map (e: e.mergedValue) present;
          valueMeta.list = map meta present;
        }
      );
      emptyValue.value = [ ];
      getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "*" ]);
      inherit (elemType) getSubModules;
      substSubModules = m: types.listOf (elemType.substSubModules m);
      functor = elemTypeFunctor "listOf" { inherit elemType; } // {
        type = payload: types.listOf payload.elemType;
      };
      nestedTypes = { inherit elemType; };
    };

  /**
    A list of at least one element.
  */
  nonEmptyListOf =
    elemType:
    let
      list = addCheck (types.listOf elemType) (l: l != [ ]);
    in
    list
    // {
      description = "non-empty ${optionDescriptionPhrase (class: class == "noun") list}";
      emptyValue = { };
      substSubModules = m: types.nonEmptyListOf (elemType.substSubModules m);
    };

  /**
    A list of sets of one attribute each: a set whose order counts and whose names may repeat.
  */
  attrListOf = elemType: types.attrListWith { inherit elemType; };

  /**
    As `attrListOf`; optionally the value is a set in which repeated names are merged.
  */
  attrListWith = import ./attr-list.nix { inherit lib; };

  ## Attribute sets

  /**
    Any attribute set; definitions are united, on the first level only.
  */
  attrs = mkOptionType {
    name = "attrs";
    description = "attribute set";
    check = isAttrs;
    merge = _: builtins.foldl' (acc: def: acc // def.value) { };
    emptyValue.value = { };
  };

  /**
    An attribute set with values of one type.
  */
  attrsOf = elemType: types.attrsWith { inherit elemType; };

  /**
    As `attrsOf`, with values merged only when used; a name stays even if mkIf took its value away.
  */
  lazyAttrsOf =
    elemType:
    types.attrsWith {
      inherit elemType;
      lazy = true;
    };

  /**
    An attribute set with values of one type, lazy or not, with a word for its names in documentation.
  */
  attrsWith =
    {
      elemType,
      lazy ? false,
      placeholder ? "name",
    }:
    let
      check = coherentCheck isAttrs;
      name = if lazy then "lazyAttrsOf" else "attrsOf";
    in
    mkOptionType {
      inherit name check;
      description = "${if lazy then "lazy attribute set" else "attribute set"} of ${phrase elemType}";
      descriptionClass = "composite";
      merge = mergeV2 (
        { loc, defs }:
        let
          byName = zipAttrsWith (name: mergeDefinitions (loc ++ [ name ]) elemType) (
            map (
              def:
              mapAttrs (_: value: {
                inherit (def) file;
                inherit value;
              }) def.value
            ) defs
          );
          present = if lazy then byName else lib.filterAttrs (_: e: e.isDefined) byName;
          valueOf =
            if lazy then
              e: e.optionalValue.value or elemType.emptyValue.value or e.mergedValue
            else
              e: e.mergedValue;
        in
        {
          headError = checkDefsForError check loc defs;
          value = mapAttrs (_: valueOf) present;
          valueMeta.attrs = mapAttrs (_: meta) present;
        }
      );
      emptyValue.value = { };
      getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<${placeholder}>" ]);
      inherit (elemType) getSubModules;
      substSubModules =
        m:
        types.attrsWith {
          elemType = elemType.substSubModules m;
          inherit lazy placeholder;
        };
      functor = elemTypeFunctor "attrsWith" { inherit elemType lazy placeholder; } // {
        binOp =
          a: b:
          let
            elem = a.elemType.typeMerge b.elemType.functor;
            # The ordinary word yields to a special one.
            word =
              if a.placeholder == b.placeholder || b.placeholder == "name" then
                a.placeholder
              else if a.placeholder == "name" then
                b.placeholder
              else
                null;
          in
          if elem == null || word == null || a.lazy != b.lazy then
            null
          else
            {
              elemType = elem;
              inherit (a) lazy;
              placeholder = word;
            };
      };
      nestedTypes = { inherit elemType; };
    };

  /**
    Once a list or a set; use `attrsOf`.
  */
  loaOf =
    elemType:
    types.attrsOf elemType
    // {
      name = "loaOf";
      deprecationMessage = "Mixing lists with attribute values is no longer possible; please use `types.attrsOf` instead. See https://github.com/NixOS/nixpkgs/issues/1800 for the motivation.";
      nestedTypes = { inherit elemType; };
    };
}
