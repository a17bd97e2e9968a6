# Properties: the wrappers mkIf, mkMerge, mkOverride, mkOrder and mkDefinition around definitions,
# how they move towards the values, and how they are resolved.
{ lib }:
let
  inherit (builtins)
    concatMap
    foldl'
    head
    isAttrs
    isBool
    length
    mapAttrs
    ;
  inherit (lib.modules)
    defaultOrderPriority
    defaultOverridePriority
    mapDefinitionValue
    mkIf
    mkMerge
    mkOrder
    mkOverride
    ;

  kind = def: def._type or "";
  priorityOf =
    def: if kind def.value == "override" then def.value.priority else defaultOverridePriority;
  withoutOverride =
    def: if kind def.value == "override" then def // { value = def.value.content; } else def;

  # Wraps the attributes of each part of a definition; a value that is no set stays as it is and is
  # refused later, where its file is known.
  pushInto =
    wrap: content:
    map (part: if isAttrs part then mapAttrs (_: wrap) part else part) (pushDownProperties content);

  pushDownProperties =
    cfg:
    let
      is = kind cfg;
    in
    if is == "merge" then
      concatMap pushDownProperties cfg.contents
    else if is == "if" then
      pushInto (mkIf cfg.condition) cfg.content
    else if is == "override" then
      pushInto (mkOverride cfg.priority) cfg.content
    else
      [ cfg ];

  dischargeProperties =
    def:
    let
      is = kind def;
    in
    if is == "merge" then
      concatMap dischargeProperties def.contents
    else if is == "if" then
      if !isBool def.condition then
        throw "‘mkIf’ called with a non-Boolean condition"
      else if def.condition then
        dischargeProperties def.content
      else
        [ ]
    else
      [ def ];
in
{
  ## Making properties

  /**
    A definition that counts only if a condition holds.
  */
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };

  /**
    A definition that fails with a message if an assertion does not hold.
  */
  mkAssert =
    assertion: message:
    mkIf (assertion || throw "\nFailed assertion: ${message}");

  /**
    Several definitions as one.
  */
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };

  /**
    A definition with a file of its own.
  */
  mkDefinition = { file, value, ... }@definition: definition // { _type = "definition"; };

  /**
    A definition with a priority; only those with the lowest number count.
  */
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };

  /**
    Priority of definitions without one.
  */
  defaultOverridePriority = 100;

  /**
    Priority of the defaults of options.
  */
  mkOptionDefault = mkOverride 1500;

  /**
    Priority of a module's suggestion, which a plain definition replaces.
  */
  mkDefault = mkOverride 1000;

  /**
    Priority of what an image needs, above plain definitions.
  */
  mkImageMediaOverride = mkOverride 60;

  /**
    Priority above plain definitions.
  */
  mkForce = mkOverride 50;

  /**
    Priority of what a virtual machine needs, above `mkForce`.
  */
  mkVMOverride = mkOverride 10;

  /**
    Did nothing for long; returns its argument with a warning.
  */
  mkFixStrictness = lib.warn "lib.mkFixStrictness has no effect and will be removed. It returns its argument unmodified, so you can just remove any calls." lib.id;

  /**
    A definition with a place in the order in which definitions are merged.
  */
  mkOrder = priority: content: {
    _type = "order";
    inherit priority content;
  };

  /**
    Place of definitions without one.
  */
  defaultOrderPriority = 1000;

  /**
    Merged before others.
  */
  mkBefore = mkOrder 500;

  /**
    Merged after others.
  */
  mkAfter = mkOrder 1500;

  /**
    Maps the values inside properties.
  */
  mapDefinitionValue =
    f: def:
    let
      is = kind def;
    in
    if is == "merge" then
      def // { contents = map (mapDefinitionValue f) def.contents; }
    else if is == "if" || is == "override" || is == "order" then
      def // { content = mapDefinitionValue f def.content; }
    else if is == "definition" then
      def // { value = mapDefinitionValue f def.value; }
    else
      f def;

  ## Handing definitions on

  /**
    A definition that hands on those of another option.
  */
  mkAliasDefinitions = lib.mkAliasAndWrapDefinitions lib.id;

  /**
    As `mkAliasDefinitions`, with the definitions wrapped by a function.
  */
  mkAliasAndWrapDefinitions =
    wrap: option: mkIf option.isDefined (wrap (mkMerge option.definitions));

  /**
    As `mkAliasAndWrapDefinitions`, keeping the priority.
  */
  mkAliasAndWrapDefsWithPriority =
    wrap: option:
    let
      priority = option.highestPrio or defaultOverridePriority;
    in
    mkIf option.isDefined (wrap (mkMerge (map (mkOverride priority) option.definitions)));

  /**
    Counts if an option is defined; deprecated.
  */
  mkAliasIfDef =
    lib.warn "Usage of 'mkAliasIfDef' has been deprecated. Use 'mkIf option.isDefined' instead."
      (option: mkIf option.isDefined);

  /**
    A definition computed from an option's value, with that option's priority.
  */
  mkDerivedConfig =
    option: f: mkOverride (option.highestPrio or defaultOverridePriority) (f option.value);

  ## Resolving properties

  inherit pushDownProperties dischargeProperties;

  /**
    Of definitions `{ file; value; }`, those with the lowest priority number, stripped of it.
  */
  filterOverrides = defs: (lib.modules.filterOverrides' defs).values;

  /**
    As `filterOverrides`, with the priority: `{ values; highestPrio; }`.
  */
  filterOverrides' =
    defs:
    if length defs == 1 then
      {
        values = map withoutOverride defs;
        highestPrio = priorityOf (head defs);
      }
    else
      let
        highestPrio = foldl' (lowest: def: lib.min (priorityOf def) lowest) 9999 defs;
      in
      {
        inherit highestPrio;
        values = concatMap (
          def: if priorityOf def == highestPrio then [ (withoutOverride def) ] else [ ]
        ) defs;
      };

  /**
    Sorts definitions by mkOrder, equal ones staying as they were, and strips it.
  */
  sortProperties =
    defs:
    let
      place = def: def.priority or defaultOrderPriority;
      placed = map (
        def:
        if kind def.value == "order" then
          def
          // {
            inherit (def.value) priority;
            value = def.value.content;
          }
        else
          def
      ) defs;
    in
    builtins.sort (a: b: place a < place b) placed;
}
