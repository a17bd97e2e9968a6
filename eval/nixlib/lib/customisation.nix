# Changing packages: override, callPackage, scopes.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    head
    intersectAttrs
    isAttrs
    length
    mapAttrs
    removeAttrs
    unsafeGetAttrPos
    ;
  inherit (lib) functionArgs isFunction mirrorFunctionArgs;

  missingArguments =
    fn: available: missing:
    let
      show =
        name:
        let
          near = lib.take 3 (
            lib.sortOn (lib.strings.levenshtein name) (
              filter (lib.strings.levenshteinAtMost 2 name) (attrNames available)
            )
          );
          quoted = map (n: "\"${n}\"") near;
          alternatives =
            if near == [ ] then
              ""
            else if length near == 1 then
              ", did you mean ${head quoted}?"
            else
              ", did you mean ${concatStringsSep ", " (lib.init quoted)} or ${lib.last quoted}?";
          position = unsafeGetAttrPos name (functionArgs fn);
          at = if position == null then "" else " at ${position.file}:${toString position.line}";
        in
        "Function called without required argument \"${name}\"${at}${alternatives}";
    in
    concatStringsSep "\n" (map show missing);
in
{
  /**
    A derivation with other arguments to `derivation`.
  */
  overrideDerivation =
    drv: f:
    let
      new = derivation (drv.drvAttrs // f drv);
    in
    lib.flip (lib.extendDerivation (builtins.seq drv.drvPath true)) new (
      {
        meta = drv.meta or { };
        passthru = drv.passthru or { };
      }
      // (drv.passthru or { })
      // lib.optionalAttrs (drv ? __spliced) { __spliced = { }; }
    );

  /**
    Makes a function whose result can be called again with other arguments: `.override`.
  */
  makeOverridable =
    f:
    let
      mirror = mirrorFunctionArgs f;
      # A callable set keeps its other attributes.
      decorate =
        if isAttrs f then
          function:
          f
          // {
            __functor = _: function;
            __functionArgs = functionArgs f;
          }
          // lib.optionalAttrs (f ? override) { override = new: lib.makeOverridable (f.override new); }
        else
          mirror;
    in
    decorate (
      origArgs:
      let
        result = f origArgs;
        changed = new: origArgs // (if isFunction new then new origArgs else new);
        override = mirror (new: lib.makeOverridable f (changed new));
        again = g: lib.makeOverridable (mirror (args: g (f args))) origArgs;
      in
      if isAttrs result then
        result
        // {
          inherit override;
          overrideDerivation = fdrv: again (drv: lib.overrideDerivation drv fdrv);
        }
        // lib.optionalAttrs (result ? overrideAttrs) {
          overrideAttrs = fdrv: again (drv: drv.overrideAttrs fdrv);
        }
      else if isFunction result then
        # Keeps the formal arguments.
        lib.setFunctionArgs result (functionArgs result)
        // {
          inherit override;
          overrideDerivation = throw "overrideDerivation not yet supported for functors";
        }
      else
        result
    );

  /**
    Calls a function, or one in a file, with the arguments that a set has for it.
  */
  callPackageWith =
    autoArgs: fn: args:
    let
      f = if isFunction fn then fn else import fn;
      wanted = functionArgs f;
      allArgs = intersectAttrs wanted autoArgs // args;
      missing = filter (name: !wanted.${name} && !(allArgs ? ${name})) (attrNames wanted);
    in
    if missing == [ ] then
      lib.makeOverridable f allArgs
    else
      abort "lib.customisation.callPackageWith: ${missingArguments f autoArgs missing}";

  /**
    As `callPackageWith`, for a function that returns a set of packages, each overridable by itself.
  */
  callPackagesWith =
    autoArgs: fn: args:
    let
      f = if isFunction fn then fn else import fn;
      auto = intersectAttrs (functionArgs f) autoArgs;
      mirror = mirrorFunctionArgs f;
      pkgs = f (auto // args);
      one = name: lib.makeOverridable (mirror (newArgs: (f newArgs).${name})) (auto // args);
    in
    if lib.isDerivation pkgs then
      throw "function `callPackages` was called on a *single* derivation \"${pkgs.name or "<unknown-name>"}\"; did you mean to use `callPackage` instead?"
    else
      mapAttrs (name: value: if name == "recurseForDerivations" then value else one name) pkgs;

  /**
    Adds attributes to a derivation and all its outputs, which fail unless a condition holds.
  */
  extendDerivation =
    condition: passthru: drv:
    let
      outputs = drv.outputs or [ "out" ];
      common =
        drv
        // lib.listToAttrs outputsList
        // { all = map (o: o.value) outputsList; }
        // passthru;
      output = outputName: {
        name = outputName;
        value =
          common
          // {
            inherit (drv.${outputName}) type outputName;
            outputSpecified = true;
            drvPath =
              assert condition;
              drv.${outputName}.drvPath;
            outPath =
              assert condition;
              drv.${outputName}.outPath;
          }
          // passthru;
      };
      outputsList = map output outputs;
    in
    common
    // {
      drvPath =
        assert condition;
        drv.drvPath;
      outPath =
        assert condition;
        drv.outPath;
    };

  /**
    A derivation reduced to what a build farm needs.
  */
  hydraJob =
    drv:
    let
      outputs = drv.outputs or [ "out" ];
      common = {
        inherit (drv) name system meta;
        inherit outputs;
      }
      // lib.optionalAttrs (drv._hydraAggregate or false) {
        _hydraAggregate = true;
        constituents = map lib.hydraJob (lib.flatten drv.constituents);
      }
      // lib.listToAttrs list;
      list = map (name: {
        inherit name;
        value = common // {
          inherit (drv.${name}) outPath drvPath;
          type = "derivation";
          outputName = name;
        };
      }) outputs;
    in
    if drv == null then null else builtins.deepSeq drv.outPath (lib.head list).value;

  /**
    A set of packages that see each other, can be overridden and extended.
  */
  makeScope =
    newScope: f:
    let
      self =
        {
          newScope = scope: newScope (self // scope);
          callPackage = self.newScope { };
        }
        // f self
        // {
          overrideScope = g: lib.makeScope newScope (lib.extends g f);
          packages = f;
        };
    in
    self;

  /**
    As `makeScope`, for sets that differ between build and host platform.
  */
  makeScopeWithSplicing' =
    {
      splicePackages,
      newScope,
    }:
    {
      otherSplices,
      keep ? (_: { }),
      extra ? (_: { }),
      f,
    }:
    let
      spliced0 = splicePackages {
        pkgsBuildBuild = otherSplices.selfBuildBuild or { };
        pkgsBuildHost = otherSplices.selfBuildHost or { };
        pkgsBuildTarget = otherSplices.selfBuildTarget or { };
        pkgsHostHost = otherSplices.selfHostHost or { };
        pkgsHostTarget = self;
        pkgsTargetTarget = otherSplices.selfTargetTarget or { };
      };
      spliced = extra spliced0 // spliced0 // keep self;
      self = f self // {
        newScope = scope: newScope (spliced // scope);
        callPackage = newScope spliced;
        overrideScope =
          g:
          lib.makeScopeWithSplicing' { inherit splicePackages newScope; } {
            inherit otherSplices keep extra;
            f = lib.extends g f;
          };
        packages = f;
      };
    in
    self;

  /**
    Makes a function that takes either a set or a function of the final attributes.
  */
  extendMkDerivation =
    {
      constructDrv,
      excludeDrvArgNames ? [ ],
      excludeFunctionArgNames ? [ ],
      extendDrvArgs,
      inheritFunctionArgs ? true,
      transformDrv ? lib.id,
    }:
    lib.setFunctionArgs
      (
        fpargs:
        transformDrv (
          (constructDrv (lib.toFunction fpargs)).overrideAttrs or (
            overlay: constructDrv (final: lib.fix (lib.extends overlay (_: lib.toFunction fpargs final)))
          ) (
            final: prev: removeAttrs (extendDrvArgs final prev) excludeDrvArgNames
          )
        )
      )
      (
        removeAttrs (
          lib.optionalAttrs inheritFunctionArgs (functionArgs constructDrv)
          // functionArgs (extendDrvArgs { })
        ) excludeFunctionArgNames
      );
}
