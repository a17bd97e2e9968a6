# Metadata of packages.
{ lib }:
let
  inherit (builtins) isString;
in
{
  /**
    Adds attributes to the `meta` of a derivation.
  */
  addMetaAttrs =
    new: drv:
    if drv ? overrideAttrs then
      drv.overrideAttrs (old: { meta = old.meta or { } // new; })
    else
      drv // { meta = drv.meta or { } // new; };

  /**
    Marks a derivation as one that is not built for binary caches.
  */
  dontDistribute = drv: lib.addMetaAttrs { hydraPlatforms = [ ]; } drv;

  /**
    Changes the symbolic name of a package.
  */
  setName = name: drv: drv // { inherit name; };

  /**
    Changes the symbolic name of a package by a function.
  */
  updateName = f: drv: drv // { name = f drv.name; };

  /**
    Adds a suffix to the name of a package, before the version.
  */
  appendToName =
    suffix:
    lib.updateName (
      name:
      let
        parsed = builtins.parseDrvName name;
      in
      "${parsed.name}-${suffix}-${parsed.version}"
    );

  /**
    Maps a function over the derivations of a set and of sets that are to be recursed into.
  */
  mapDerivationAttrset =
    f: set:
    builtins.mapAttrs (
      _: x:
      if lib.isDerivation x then
        f x
      else if x.recurseForDerivations or false then
        lib.mapDerivationAttrset f x
      else
        x
    ) set;

  /**
    Priority of packages that others win over.
  */
  defaultPriority = 5;

  /**
    Sets the priority of a package when several have the same file; lower numbers win.
  */
  setPrio = priority: lib.addMetaAttrs { inherit priority; };

  /**
    Makes others win over a package.
  */
  lowPrio = lib.setPrio 10;

  /**
    `lowPrio` for a set of packages.
  */
  lowPrioSet = lib.mapDerivationAttrset lib.lowPrio;

  /**
    Makes a package win over others.
  */
  hiPrio = lib.setPrio (-10);

  /**
    `hiPrio` for a set of packages.
  */
  hiPrioSet = lib.mapDerivationAttrset lib.hiPrio;

  /**
    Whether a platform fulfils a pattern: its name, or a set that its description must contain.
  */
  platformMatch =
    platform: pattern:
    if isString pattern then
      platform ? system && platform.system == pattern
    else
      lib.matchAttrs (if pattern ? parsed then pattern else { parsed = pattern; }) platform;

  /**
    Whether a package is meant for a platform.
  */
  availableOn =
    platform: pkg:
    let
      matches = lib.any (lib.meta.platformMatch platform);
    in
    (pkg.meta.platforms or null == null || matches pkg.meta.platforms)
    && !matches (pkg.meta.badPlatforms or [ ]);

  /**
    Licenses by their SPDX identifiers.
  */
  licensesSpdx = lib.mapAttrs' (_: license: lib.nameValuePair license.spdxId license) (
    lib.filterAttrs (_: license: license ? spdxId) lib.licenses.known
  );

  /**
    A license by its SPDX identifier, in any case of letters; a set with the name where it is unknown.
  */
  getLicenseFromSpdxId =
    id:
    lib.getLicenseFromSpdxIdOr id (
      lib.warn "getLicenseFromSpdxId: No license matches the given SPDX ID: ${id}" { shortName = id; }
    );

  /**
    As `getLicenseFromSpdxId`, with a default.
  */
  getLicenseFromSpdxIdOr =
    let
      byLowerCase = lib.mapAttrs' (
        id: license: lib.nameValuePair (lib.toLower id) license
      ) lib.licensesSpdx;
    in
    id: default: byLowerCase.${lib.toLower id} or default;

  /**
    Path of the main program of a package.
  */
  getExe =
    pkg:
    lib.getExe' pkg (
      pkg.meta.mainProgram or (lib.warn
        "getExe: Package ${
          lib.strings.escapeNixIdentifier pkg.meta.name or pkg.pname or pkg.name
        } does not have the meta.mainProgram attribute; a program of the same name is assumed. Set it in the package, or name the program: lib.getExe' package \"program\"."
        (lib.getName pkg)
      )
    );

  /**
    Path of a program of a package.
  */
  getExe' =
    pkg: program:
    assert lib.assertMsg (lib.isDerivation pkg)
      "lib.meta.getExe': The first argument is of type ${builtins.typeOf pkg}, but it should be a derivation instead.";
    assert lib.assertMsg (isString program)
      "lib.meta.getExe': The second argument is of type ${builtins.typeOf program}, but it should be a string instead.";
    assert lib.assertMsg (!lib.hasInfix "/" program)
      "lib.meta.getExe': The second argument \"${program}\" is a nested path with a \"/\" character, but it should just be the name of the executable instead.";
    "${lib.getBin pkg}/bin/${program}";
}
