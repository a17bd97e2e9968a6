# The module system: modules are collected (modules/collect.nix), their option trees merged
# (modules/merge.nix), and definitions turned into values (modules/define.nix), after the properties
# around them are resolved (modules/properties.nix).
{ lib }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    head
    mapAttrs
    removeAttrs
    seq
    ;
  inherit (lib) isOption mkOption showOption types;
  inherit (lib.options) showDefs;
  messages = import ./modules/messages.nix { inherit lib; };

  collect = import ./modules/collect.nix { inherit lib; };
  define = import ./modules/define.nix { inherit lib; };
  merge = import ./modules/merge.nix { inherit lib; };
  properties = import ./modules/properties.nix { inherit lib; };
  rename = import ./modules/rename.nix { inherit lib; };

  inherit (collect) collectModules;
  inherit (merge) mergeModules;

  # What others should not build upon says so when they do.
  deprecated = mapAttrs (
    name:
    lib.warn "External use of `lib.modules.${name}` is deprecated. If your use case isn't covered by non-deprecated functions, please open an issue that describes it."
  );

  recursionHint = "if you get an infinite recursion here, you probably reference `config` in `imports`. If you are trying to achieve a conditional import behavior dependent on `config`, consider importing unconditionally, and using `mkEnableOption` and `mkIf` to control its effect.";

  # Options that every evaluation has.
  internalOptions =
    { prefix }:
    {
      _module.args = mkOption (
        {
          type = types.lazyAttrsOf types.raw;
          description = ''
            Arguments that modules get beside `lib`, `config`, `options`, `specialArgs` and what the
            caller of the evaluation passes as `specialArgs`.

            They may depend on the configuration, therefore `imports` cannot depend on them: what
            `imports` needs belongs to `specialArgs`. Submodules do not inherit them; a submodule in
            a set gets its name as `name`.
          '';
        }
        // lib.optionalAttrs (prefix != [ ]) { internal = true; }
      );
      _module.check = mkOption {
        type = types.bool;
        default = true;
        internal = true;
        description = "Whether definitions of options that are not declared are errors.";
      };
      _module.freeformType = mkOption {
        type = types.nullOr types.optionType;
        default = null;
        internal = true;
        description = ''
          Type that merges all definitions for which there is no option; without it these are errors.
        '';
      };
      _module.specialArgs = mkOption {
        internal = true;
        readOnly = true;
        description = "Arguments of modules that the caller fixed, and which `imports` may use.";
      };
    };

  checkUnmatched =
    {
      config,
      options,
      prefix,
      unmatched,
    }:
    if !(config._module.check && config._module.freeformType == null && unmatched != [ ]) then
      null
    else
      let
        def = head unmatched;
        name = showOption (prefix ++ def.prefix);
        values =
          addErrorContext
            "while evaluating the error message for definitions for `${name}', which is an option that does not exist"
            (addErrorContext "while evaluating a definition from `${def.file}'" (showDefs [ def ]));
        suggestion = messages.didYouMean {
          inherit options prefix;
          loc = def.prefix;
        };
      in
      throw (
        "The option `${name}' does not exist. Definition values:${values}${suggestion}"
        + lib.optionalString (attrNames options == [ "_module" ]) (messages.noOptionsHere prefix)
      );

  evalModules =
    {
      # Modules: paths, sets or functions.
      modules,
      # Path of the option that this evaluation is the value of.
      prefix ? [ ],
      # Arguments of modules, also for use in `imports`.
      specialArgs ? { },
      # Kind of configuration; modules of another kind are refused.
      class ? null,
      args ? { },
      check ? true,
    }@arguments:
    let
      old =
        lib.optional (arguments ? args) { config._module.args = args; }
        ++ lib.optional (arguments ? check) { config._module.check = lib.mkDefault check; };
      regular = modules ++ old;

      internal = {
        _file = "lib/modules.nix";
        key = "lib/modules.nix";
        options = internalOptions { inherit prefix; };
        config._module = {
          args = {
            inherit extendModules;
            moduleType = type;
          };
          inherit specialArgs;
        };
      };

      collected =
        collectModules class (specialArgs.modulesPath or "") (regular ++ [ internal ])
          (
            {
              inherit lib options specialArgs;
              _class = class;
              _prefix = prefix;
              config = addErrorContext recursionHint config;
            }
            // specialArgs
          );

      # Later modules are merged first.
      merged = mergeModules prefix (lib.reverseList collected.modules);
      options = merged.matchedOptions;

      declared = lib.mapAttrsRecursiveCond (value: !isOption value) (_: option: option.value) options;
      freeform =
        if merged.unmatchedDefns == [ ] then
          { }
        else
          declared._module.freeformType.merge prefix (
            map (def: {
              inherit (def) file;
              value = lib.setAttrByPath def.prefix def.value;
            }) merged.unmatchedDefns
          );
      config =
        if declared._module.freeformType == null then declared else lib.recursiveUpdate freeform declared;

      checked = seq (checkUnmatched {
        inherit config options prefix;
        unmatched = merged.unmatchedDefns;
      });

      extendModules =
        {
          modules ? [ ],
          specialArgs ? { },
          prefix ? arguments.prefix or [ ],
        }:
        evalModules (
          arguments
          // {
            inherit prefix;
            modules = regular ++ modules;
            specialArgs = arguments.specialArgs or { } // specialArgs;
          }
        );

      type = types.submoduleWith { inherit modules specialArgs class; };

      old2new =
        name: lib.warnIf (arguments ? ${name}) "The ${name} argument to evalModules is deprecated. Please set config._module.${name} instead.";
    in
    old2new "args" (
      old2new "check" {
        _type = "configuration";
        options = checked options;
        config = checked (removeAttrs config [ "_module" ]);
        _module = checked config._module;
        inherit (collected) graph;
        inherit class extendModules type;
      }
    );
in
deprecated {
  inherit (collect) applyModuleArgsIfFunction unifyModuleSyntax;
  inherit (merge) mergeModules mergeModules';
  inherit (properties) dischargeProperties pushDownProperties;
  collectModules = collectModules null;
}
// {
  /**
    Evaluates modules: `config` has the values, `options` the evaluated options, `extendModules`
    evaluates again with more modules.
  */
  inherit evalModules;

  /**
    Evaluates modules without checking for unknown options; deprecated.
  */
  fixMergeModules =
    modules: args:
    evalModules {
      inherit modules args;
      check = false;
    };

  inherit (collect)
    importApply
    importJSON
    importTOML
    setDefaultModuleLocation
    ;
  inherit (merge) fixupOptionType mergeOptionDecls;
  inherit (define) evalOptionValue mergeAttrDefinitionsWithPrio mergeDefinitions;
  inherit (rename)
    doRename
    mkAliasOptionModule
    mkAliasOptionModuleMD
    mkChangedOptionModule
    mkMergedOptionModule
    mkRemovedOptionModule
    mkRenamedOptionModule
    mkRenamedOptionModuleWith
    ;
  inherit (properties)
    defaultOrderPriority
    defaultOverridePriority
    filterOverrides
    filterOverrides'
    mapDefinitionValue
    mkAfter
    mkAliasAndWrapDefinitions
    mkAliasAndWrapDefsWithPriority
    mkAliasDefinitions
    mkAliasIfDef
    mkAssert
    mkBefore
    mkDefault
    mkDefinition
    mkDerivedConfig
    mkFixStrictness
    mkForce
    mkIf
    mkImageMediaOverride
    mkMerge
    mkOptionDefault
    mkOrder
    mkOverride
    mkVMOverride
    sortProperties
    ;
}
