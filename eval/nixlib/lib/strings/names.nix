# Names and versions of packages, names from URLs, and flags of build systems.
{ lib }:
let
  inherit (builtins)
    compareVersions
    filter
    head
    isBool
    isString
    match
    parseDrvName
    ;
  feature = yes: no: flag: enable: "--${if enable then yes else no}${flag}";
in
{
  /**
    Whether the first version is older than the second.
  */
  versionOlder = v1: v2: compareVersions v2 v1 == 1;

  /**
    Whether the first version is at least the second.
  */
  versionAtLeast = v1: v2: !lib.versionOlder v1 v2;

  /**
    Name of a derivation, or of a string "name-version", without the version.
  */
  getName =
    x:
    if isString x then (parseDrvName x).name else x.pname or (parseDrvName x.name).name;

  /**
    Version of a derivation, or of a string "name-version".
  */
  getVersion =
    x:
    if isString x then (parseDrvName x).version else x.version or (parseDrvName x.name).version;

  /**
    Name of a package from the URL of its source, cut at a separator.
  */
  nameFromURL =
    url: sep:
    let
      file = lib.last (lib.splitString "/" url);
      name = head (lib.splitString sep file);
    in
    assert name != file;
    name;

  /**
    A definition for CMake's command line, with a type.
  */
  cmakeOptionType =
    let
      types = [
        "BOOL"
        "FILEPATH"
        "PATH"
        "STRING"
        "INTERNAL"
        "LIST"
      ];
    in
    type: feature: value:
    assert builtins.elem (lib.toUpper type) types;
    assert isString feature;
    assert isString value;
    "-D${feature}:${lib.toUpper type}=${value}";

  /**
    A boolean for CMake's command line.
  */
  cmakeBool =
    condition: flag:
    assert isString condition;
    assert isBool flag;
    lib.cmakeOptionType "bool" condition (lib.toUpper (lib.boolToString flag));

  /**
    A string for CMake's command line.
  */
  cmakeFeature =
    feature: value:
    assert isString feature;
    assert isString value;
    lib.cmakeOptionType "string" feature value;

  /**
    A string option for Meson's command line.
  */
  mesonOption =
    feature: value:
    assert isString feature;
    assert isString value;
    "-D${feature}=${value}";

  /**
    A boolean option for Meson's command line.
  */
  mesonBool =
    condition: flag:
    assert isString condition;
    assert isBool flag;
    lib.mesonOption condition (lib.boolToString flag);

  /**
    A feature option for Meson's command line.
  */
  mesonEnable =
    feature: flag:
    assert isString feature;
    assert isBool flag;
    lib.mesonOption feature (if flag then "enabled" else "disabled");

  /**
    `--enable-x` or `--disable-x`.
  */
  enableFeature =
    flag: name:
    assert isBool flag;
    assert isString name;
    feature "enable-" "disable-" name flag;

  /**
    `--enable-x=value` or `--disable-x`.
  */
  enableFeatureAs =
    flag: name: value:
    lib.enableFeature flag name + lib.optionalString flag "=${value}";

  /**
    `--with-x` or `--without-x`.
  */
  withFeature =
    flag: name:
    assert isString name;
    feature "with-" "without-" name flag;

  /**
    `--with-x=value` or `--without-x`.
  */
  withFeatureAs =
    flag: name: value:
    lib.withFeature flag name + lib.optionalString flag "=${value}";

  /**
    Paths below a directory that a file lists, one a line, with # for comments.
  */
  readPathsFromFile =
    rootPath: file:
    map (line: rootPath + "/${line}") (
      filter (line: line != "" && match "#.*" line == null) (lib.splitString "\n" (lib.fileContents file))
    );
}
