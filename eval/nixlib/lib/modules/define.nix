# From an option's definitions to its value: properties resolved, priorities, order, type, merge.
{ lib }:
let
  inherit (builtins)
    addErrorContext
    all
    any
    concatMap
    filter
    head
    isAttrs
    length
    mapAttrs
    ;
  inherit (lib) showFiles showOption;
  inherit (lib.options) showDefs;
  inherit (lib.modules)
    defaultOverridePriority
    filterOverrides'
    mergeDefinitions
    mkOptionDefault
    sortProperties
    ;

  inherit (import ./properties.nix { inherit lib; }) dischargeProperties pushDownProperties;

  inFile = file: addErrorContext "while evaluating definitions from `${file}':";

  # Definitions that count, in order, without properties: `{ values; highestPrio; }`.
  resolve =
    defs:
    let
      first = head defs;
      isPlain = inFile first.file (!(isAttrs first.value && first.value ? _type));
      discharged = concatMap (
        def:
        map (
          value:
          if value._type or null == "definition" then
            value
          else
            {
              inherit (def) file;
              inherit value;
            }
        ) (inFile def.file (dischargeProperties def.value))
      ) defs;
      chosen = filterOverrides' discharged;
    in
    # By far the commonest case: one definition and no property.
    if length defs == 1 && isPlain then
      {
        values = defs;
        highestPrio = defaultOverridePriority;
      }
    else
      {
        inherit (chosen) highestPrio;
        values =
          if any (def: def.value._type or "" == "order") chosen.values then
            sortProperties chosen.values
          else
            chosen.values;
      };

  notOfType = loc: type: "A definition for option `${showOption loc}' is not of type `${type.description}'.";
in
{
  /**
    Merges definitions `{ file; value; }` by a type.

    `mergedValue` is the value and fails where there is none, `optionalValue` has it as `value` if it
    is defined; `checkedAndMerged` has `{ headError; value; valueMeta; }`.
  */
  mergeDefinitions =
    loc: type: defs:
    let
      defsFinal' = resolve defs;
      defsFinal = defsFinal'.values;
      isDefined = defsFinal != [ ];
      isV2 = type.merge ? v2;

      merged = lib.types.checkV2MergeCoherence loc type (
        type.merge.v2 {
          inherit loc;
          defs = defsFinal;
        }
      );
      checkedAndMerged =
        if isV2 then
          {
            inherit (merged) headError value;
            valueMeta = merged.valueMeta // {
              _internal = { inherit type; };
            };
          }
        else
          {
            headError = null;
            value = mergedValue;
            valueMeta = { };
          };

      mergedValue =
        if isDefined then
          if isV2 then
            if checkedAndMerged.headError == null then
              checkedAndMerged.value
            else
              throw "${notOfType loc type} TypeError: ${checkedAndMerged.headError.message}"
          else if all (def: type.check def.value) defsFinal then
            type.merge loc defsFinal
          else
            throw "${notOfType loc type} Definition values:${
              showDefs (filter (def: !type.check def.value) defsFinal)
            }"
        else
          type.emptyValue.value or (throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option.");
    in
    {
      inherit
        checkedAndMerged
        defsFinal
        defsFinal'
        isDefined
        mergedValue
        ;
      optionalValue = lib.optionalAttrs isDefined { value = mergedValue; };
    };

  /**
    Evaluates an option: the declaration with its value and what is known about its definitions.
  */
  evalOptionValue =
    loc: option: defs:
    let
      name = showOption loc;
      allDefs =
        lib.optional (option ? default) {
          file = head option.declarations;
          value = mkOptionDefault option.default;
        }
        ++ defs;
      result =
        if option.readOnly or false && length allDefs > 1 then
          throw "The option `${name}' is read-only, but it's set multiple times. Definition values:${
            showDefs (
              map (def: def // { value = (mergeDefinitions loc option.type [ def ]).mergedValue; }) allDefs
            )
          }"
        else
          mergeDefinitions loc option.type allDefs;
      deprecation = option.type.deprecationMessage or null;
      declared =
        if deprecation == null then
          option
        else
          lib.warn "The type `types.${option.type.name}' of option `${name}' defined in ${showFiles option.declarations} is deprecated. ${deprecation}" option;
    in
    declared
    // {
      value = addErrorContext "while evaluating the option `${name}':" (
        (option.apply or lib.id) result.mergedValue
      );
      inherit (result) isDefined;
      inherit (result.defsFinal') highestPrio;
      inherit (result.checkedAndMerged) valueMeta;
      definitions = map (def: def.value) result.defsFinal;
      files = map (def: def.file) result.defsFinal;
      definitionsWithLocations = result.defsFinal;
      __toString = _: name;
    };

  /**
    Value and priority of each attribute of an option of type attrsOf: `{ value; highestPrio; }`.
  */
  mergeAttrDefinitionsWithPrio =
    option:
    let
      byName = builtins.zipAttrsWith (_: defs: defs) (
        concatMap (
          def:
          map (mapAttrs (_: value: def // { inherit value; })) (pushDownProperties def.value)
        ) option.definitionsWithLocations
      );
    in
    assert option.type.name == "attrsOf" || option.type.name == "lazyAttrsOf";
    mapAttrs (
      name: defs:
      let
        merged = mergeDefinitions (option.loc ++ [ name ]) option.type.nestedTypes.elemType defs;
      in
      {
        value = merged.mergedValue;
        inherit (merged.defsFinal') highestPrio;
      }
    ) byName;
}
