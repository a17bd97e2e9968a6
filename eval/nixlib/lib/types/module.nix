# Types of modules, options and types: submodules, deferred modules, tagged unions.
{ lib }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    head
    intersectAttrs
    isAttrs
    length
    mapAttrs
    unsafeGetAttrPos
    ;
  inherit (lib)
    getFiles
    isFunction
    isType
    showFiles
    showOption
    types
    ;
  inherit (lib.modules) evalModules fixupOptionType mergeOptionDecls;
  inherit (types)
    checkDefsForError
    coherentCheck
    defaultFunctor
    mergeV2
    mkOptionType
    ;
  quoteName = lib.strings.escapeNixIdentifier;

  isModule = x: isAttrs x || isFunction x || types.path.check x;

  # Unites a parameter of two declarations, either of which may leave it open with null.
  unite =
    conflict: a: b:
    if a == null || a == b then
      b
    else if b == null then
      a
    else
      conflict a b;

  uniteSubmodules =
    let
      conflicting = what: throw "A submoduleWith option is declared multiple times with ${what}";
    in
    a: b: {
      modules = a.modules ++ b.modules;
      specialArgs =
        let
          shared = intersectAttrs a.specialArgs b.specialArgs;
        in
        if shared == { } then
          a.specialArgs // b.specialArgs
        else
          conflicting "the same specialArgs \"${toString (attrNames shared)}\"";
      class = unite (
        x: y: conflicting "conflicting class values \"${toString x}\" and \"${toString y}\"."
      ) (a.class or null) (b.class or null);
      shorthandOnlyDefinesConfig = unite (
        _: _: conflicting "conflicting shorthandOnlyDefinesConfig values"
      ) a.shorthandOnlyDefinesConfig b.shorthandOnlyDefinesConfig;
      description = unite (
        _: _: conflicting "conflicting descriptions"
      ) a.description b.description;
    };
in
{
  /**
    A set of options of its own, given by a module or a list of them.
  */
  submodule =
    modules:
    types.submoduleWith {
      modules = lib.toList modules;
      shorthandOnlyDefinesConfig = true;
    };

  /**
    A set of options of its own, with all that `evalModules` can be told.
  */
  submoduleWith =
    {
      modules,
      specialArgs ? { },
      # Whether a definition that is a plain set is configuration only, so that names such as
      # `imports` and `config` in it mean options.
      shorthandOnlyDefinesConfig ? false,
      description ? null,
      class ? null,
    }@parameters:
    let
      base = evalModules {
        inherit class specialArgs;
        modules = [ { _module.args.name = lib.mkOptionDefault "‹name›"; } ] ++ modules;
      };
      forDocs =
        arguments: base.extendModules (arguments // { modules = [ types.noCheckForDocsModule ]; });
      inherit (base._module) freeformType;
      check = coherentCheck isModule;
      asModule =
        { value, file }:
        {
          _file = file;
        }
        // (
          if isAttrs value && shorthandOnlyDefinesConfig then { config = value; } else { imports = [ value ]; }
        );
    in
    mkOptionType {
      name = "submodule";
      inherit check;
      description =
        let
          freeform = (forDocs { })._module.freeformType;
        in
        if description != null then
          description
        else if freeform ? description then
          "open submodule of ${
            types.optionDescriptionPhrase (class: class == "noun" || class == "composite") freeform
          }"
        else
          "submodule";
      merge = mergeV2 (
        { loc, defs }:
        let
          configuration = base.extendModules {
            modules = [ { _module.args.name = lib.last loc; } ] ++ map asModule defs;
            prefix = loc;
          };
        in
        {
          headError = checkDefsForError check loc defs;
          value = configuration.config;
          valueMeta = { inherit configuration; };
        }
      );
      emptyValue.value = base.config;
      getSubOptions =
        prefix:
        let
          docs = forDocs { inherit prefix; };
          freeform = docs._module.freeformType;
        in
        docs.options
        // lib.optionalAttrs (freeform != null) { _freeformOptions = freeform.getSubOptions prefix; };
      getSubModules = modules;
      substSubModules = m: types.submoduleWith (parameters // { modules = m; });
      nestedTypes = lib.optionalAttrs (freeformType != null) { inherit freeformType; };
      functor = defaultFunctor "submodule" // {
        type = types.submoduleWith;
        payload = {
          inherit
            class
            description
            modules
            shorthandOnlyDefinesConfig
            specialArgs
            ;
        };
        binOp = uniteSubmodules;
      };
    };

  /**
    A module that is not evaluated here, but can be imported elsewhere.
  */
  deferredModule = types.deferredModuleWith { };

  /**
    As `deferredModule`, with modules that are always part of it.
  */
  deferredModuleWith =
    {
      staticModules ? [ ],
    }@parameters:
    mkOptionType {
      name = "deferredModule";
      description = "module";
      descriptionClass = "noun";
      check = isModule;
      merge = loc: defs: {
        imports =
          staticModules
          ++ map (
            def: lib.setDefaultModuleLocation "${def.file}, via option ${showOption loc}" def.value
          ) defs;
      };
      inherit (types.submoduleWith { modules = staticModules; }) getSubOptions getSubModules;
      substSubModules = m: types.deferredModuleWith (parameters // { staticModules = m; });
      functor = defaultFunctor "deferredModuleWith" // {
        type = types.deferredModuleWith;
        payload = { inherit staticModules; };
        binOp = a: b: { staticModules = a.staticModules ++ b.staticModules; };
      };
    };

  /**
    The declaration of an option, as `mkOption` makes it.
  */
  optionDeclaration = mkOptionType {
    name = "optionDeclaration";
    description = "option declaration";
    descriptionClass = "noun";
    check = x: isType "option" x && !(x ? value);
  };

  /**
    A type of options; several are united.
  */
  optionType = mkOptionType {
    name = "optionType";
    descriptionClass = "noun";
    check = isType "option-type";
    merge =
      loc: defs:
      if length defs == 1 then
        (head defs).value
      else
        (fixupOptionType loc (
          mergeOptionDecls loc (
            map (def: {
              _file = def.file;
              options = lib.mkOption { type = def.value; };
            }) defs
          )
        )).type;
  };

  /**
    A set of exactly one attribute, whose name chooses among options.
  */
  attrTag =
    alternatives:
    let
      checkTag =
        name: option:
        let
          position = unsafeGetAttrPos name alternatives;
          known = position != null;
          is = option._type or null;
        in
        addErrorContext
          "while checking that attrTag tag ${quoteName name} is an option with a type${
            lib.optionalString known " at ${position.file}:${toString position.line}:${toString position.column}"
          }"
          (
            if is == "option" then
              {
                declarations = lib.optional known position.file;
                declarationPositions = lib.optional known position;
              }
              // option
            else
              throw "In attrTag, each tag value must be an option, but tag ${quoteName name} ${
                if is == null then
                  "was not."
                else if is == "option-type" then
                  "was a bare type, not wrapped in mkOption."
                else
                  "was of type ${lib.strings.escapeNixString is}."
              }"
          );
      tags = mapAttrs checkTag alternatives;
      choices = lib.concatMapStringsSep ", " quoteName (attrNames tags);
      tagOf = value: head (attrNames value);
      asDeclaration = options: {
        inherit options;
        _file = "<attrTag {...}>";
        pos = null;
      };
    in
    mkOptionType {
      name = "attrTag";
      description = "attribute-tagged union with choices: ${choices}";
      descriptionClass = "noun";
      check = x: isAttrs x && length (attrNames x) == 1 && tags ? ${tagOf x};
      merge =
        loc: defs:
        let
          tag = tagOf (head defs).value;
          files = showFiles (getFiles defs);
          inner =
            def:
            if tagOf def.value == tag then
              {
                inherit (def) file;
                value = def.value.${tag};
              }
            else
              throw "The option `${showOption loc}` is defined both as `${tag}` and `${tagOf def.value}`, in ${files}.";
        in
        if tags ? ${tag} then
          {
            ${tag} = (lib.modules.evalOptionValue (loc ++ [ tag ]) tags.${tag} (map inner defs)).value;
          }
        else
          throw "The option `${showOption loc}` is defined as ${quoteName tag}, but ${quoteName tag} is not among the valid choices (${choices}). Value ${tag} was defined in ${files}.";
      getSubOptions = prefix: mapAttrs (name: option: option // { loc = prefix ++ [ name ]; }) tags;
      nestedTypes = tags;
      functor = defaultFunctor "attrTag" // {
        type = payload: types.attrTag payload.tags;
        payload = { inherit tags; };
        binOp = a: b: {
          tags =
            a.tags
            // b.tags
            // mapAttrs (
              name: second:
              let
                first = a.tags.${name};
              in
              mergeOptionDecls [ name ] [ (asDeclaration first) (asDeclaration second) ]
              // {
                declarations = first.declarations ++ second.declarations;
                declarationPositions = first.declarationPositions ++ second.declarationPositions;
              }
            ) (intersectAttrs a.tags b.tags);
        };
      };
    };
}
