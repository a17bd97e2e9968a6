# Modules for options that were removed, renamed, merged or changed, and for aliases.
{ lib }:
let
  inherit (builtins)
    any
    concatMap
    foldl'
    ;
  inherit (lib)
    getAttrFromPath
    mkIf
    mkMerge
    mkOption
    oldestSupportedReleaseIsAtLeast
    optional
    setAttrByPath
    showFiles
    showOption
    types
    ;
  inherit (lib.modules)
    doRename
    mkAliasAndWrapDefinitions
    mkAliasAndWrapDefsWithPriority
    ;

  obsolete = from: to: "Obsolete option `${showOption from}' is used. It was renamed to `${showOption to}'.";

  # Default of an option that was merged into another one, which tells that nobody has set it.
  unset = "_mkMergedOptionModule";
in
{
  /**
    A module under which the use of a removed option is a failed assertion.
  */
  mkRemovedOptionModule =
    path: advice:
    { options, ... }:
    let
      name = showOption path;
      option = getAttrFromPath path options;
    in
    {
      options = setAttrByPath path (mkOption {
        visible = false;
        apply = _: throw "The option `${name}' can no longer be used since it's been removed. ${advice}";
      });
      config.assertions = [
        {
          assertion = !option.isDefined;
          message = ''
            The option definition `${name}' in ${showFiles option.files} no longer has any effect; please remove it.
            ${advice}
          '';
        }
      ];
    };

  /**
    A module that hands definitions of an old option on to a new one, with a warning.
  */
  mkRenamedOptionModule =
    from: to:
    doRename {
      inherit from to;
      visible = false;
      warn = true;
      use = builtins.trace (obsolete from to);
    };

  /**
    As `mkRenamedOptionModule`, warning only once all supported releases know the new name.
  */
  mkRenamedOptionModuleWith =
    {
      from,
      to,
      # Release that brought the new name, as a number: 2405.
      sinceRelease,
    }:
    let
      warn = oldestSupportedReleaseIsAtLeast sinceRelease;
    in
    doRename {
      inherit from to warn;
      visible = false;
      use = lib.warnIf warn (obsolete from to);
    };

  /**
    A module that makes one option of several old ones, by a function of the configuration.
  */
  mkMergedOptionModule =
    from: to: merge:
    { config, options, ... }:
    let
      isSet = path: getAttrFromPath path config != unset;
      target = showOption to;
    in
    {
      options = foldl' lib.recursiveUpdate { } (
        map (
          path:
          setAttrByPath path (mkOption {
            visible = false;
            default = unset;
          })
        ) from
      );
      config =
        {
          warnings = concatMap (
            path:
            optional (isSet path)
              "The option `${showOption path}' defined in ${showFiles (getAttrFromPath path options).files} has been changed to `${target}' that has a different type. Please read `${target}' documentation and update your configuration accordingly."
          ) from;
        }
        // setAttrByPath to (mkMerge (optional (any isSet from) (merge config)));
    };

  /**
    A module that makes one option of an old one, by a function of the configuration.
  */
  mkChangedOptionModule = from: lib.modules.mkMergedOptionModule [ from ];

  /**
    A module that gives an option a second name.
  */
  mkAliasOptionModule =
    from: to:
    doRename {
      inherit from to;
      visible = true;
      warn = false;
      use = lib.id;
    };

  /**
    Old name of `mkAliasOptionModule`.
  */
  mkAliasOptionModuleMD = lib.warn "mkAliasOptionModuleMD is deprecated and will be removed in 26.05; please use mkAliasOptionModule." lib.modules.mkAliasOptionModule;

  /**
    What the renaming modules are made of.
  */
  doRename =
    {
      # Path of the old option, which is declared.
      from,
      # Path of the new one, which must exist.
      to,
      # Whether the documentation shows the old one.
      visible,
      # Whether its use is a warning, where the configuration has warnings.
      warn,
      # Function through which the old option's value is read.
      use,
      # Whether definitions keep their priority.
      withPriority ? true,
      # Whether definitions are handed on at all.
      condition ? true,
    }:
    { config, options, ... }:
    let
      old = getAttrFromPath from options;
      newName = showOption to;
      type = (lib.attrByPath to { } options).type or (types.submodule { });
      read = lib.attrByPath to (abort "Renaming error: option `${newName}' does not exist.");
      handOn = if withPriority then mkAliasAndWrapDefsWithPriority else mkAliasAndWrapDefinitions;
    in
    {
      options = setAttrByPath from (
        mkOption (
          {
            inherit visible;
            description = "Alias of {option}`${newName}`.";
            apply = _: use (read config);
          }
          // lib.optionalAttrs (type != null) { inherit type; }
        )
      );
      config = mkIf condition (mkMerge [
        (lib.optionalAttrs (options ? warnings) {
          warnings =
            optional (warn && old.isDefined)
              "The option `${showOption from}' defined in ${showFiles old.files} has been renamed to `${newName}'.";
        })
        (handOn (setAttrByPath to) old)
      ]);
    };
}
