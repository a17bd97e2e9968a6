# Values as text of configuration formats. Nix itself is in generators/pretty.nix, formats with
# nested values (Lua, property lists, Dhall) in generators/nested.nix.
{ lib }:
let
  inherit (builtins)
    isFloat
    isInt
    isList
    isString
    toJSON
    ;
  inherit (lib)
    concatStringsSep
    escape
    generators
    isDerivation
    isFunction
    mapAttrsToList
    ;
in
{
  /**
    A value as most formats write it; fails on what these have no form for.
  */
  mkValueStringDefault =
    { }:
    v:
    let
      refuse = what: abort "generators.mkValueStringDefault: ${what} not supported: ${toPretty v}";
      toPretty = generators.toPretty { };
    in
    if isInt v then
      toString v
    else if isDerivation v then
      toString v
    else if isString v then
      v
    else if v == true then
      "true"
    else if v == false then
      "false"
    else if v == null then
      "null"
    else if isList v then
      refuse "lists"
    else if isFunction v then
      refuse "functions"
    else if builtins.isAttrs v then
      refuse "attrsets"
    else if isFloat v then
      lib.strings.floatToString v
    else
      refuse "this value is";

  /**
    A line "key=value" with a separator, which is escaped in the key.
  */
  mkKeyValueDefault =
    {
      mkValueString ? generators.mkValueStringDefault { },
    }:
    separator: key: value:
    "${escape [ separator ] key}${separator}${mkValueString value}";

  /**
    Lines "key=value" of a set; a list repeats its key where that is wanted.
  */
  toKeyValue =
    {
      mkKeyValue ? generators.mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
      indent ? "",
    }:
    let
      line = key: value: "${indent}${mkKeyValue key value}\n";
      lines =
        key: value:
        if listsAsDuplicateKeys then map (line key) (lib.toList value) else [ (line key value) ];
    in
    attrs: lib.concatStrings (lib.concatLists (mapAttrsToList lines attrs));

  /**
    Sections of lines "key=value", from a set of sets.
  */
  toINI =
    {
      mkSectionName ? (name: escape [ "[" "]" ] name),
      mkKeyValue ? generators.mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    sections:
    concatStringsSep "\n" (
      mapAttrsToList (
        name: values:
        "[${mkSectionName name}]\n" + generators.toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } values
      ) sections
    );

  /**
    As `toINI`, with lines before the first section.
  */
  toINIWithGlobalSection =
    {
      mkSectionName ? (name: escape [ "[" "]" ] name),
      mkKeyValue ? generators.mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    {
      globalSection,
      sections ? { },
    }:
    (
      if globalSection == { } then
        ""
      else
        generators.toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } globalSection + "\n"
    )
    + generators.toINI { inherit mkSectionName mkKeyValue listsAsDuplicateKeys; } sections;

  /**
    The format of git's configuration; deeper sets are subsections.
  */
  toGitINI =
    attrs:
    let
      sectionName =
        name:
        let
          parts = lib.splitString "." name;
          section = lib.head parts;
          rest = lib.tail parts;
          subsection = concatStringsSep "." rest;
        in
        if !(lib.hasInfix "\"" name) && rest != [ ] then ''${section} "${subsection}"'' else name;
      valueString =
        v:
        let
          escaped = ''"${
            builtins.replaceStrings [ "\n" "\t" ''"'' "\\" ] [ "\\n" "\\t" ''\"'' "\\\\" ] v
          }"'';
        in
        generators.mkValueStringDefault { } (if isString v then escaped else v);
      keyValue =
        k: v:
        let
          line = value: "\t" + generators.mkKeyValueDefault { mkValueString = valueString; } " = " k value;
        in
        concatStringsSep "\n" (map line (lib.toList v));
      flatten =
        path: value:
        if builtins.isAttrs value && !isDerivation value then
          lib.concatLists (mapAttrsToList (name: flatten ([ name ] ++ path)) value)
        else if builtins.length path > 1 then
          [ { ${concatStringsSep "." (lib.reverseList (lib.tail path))}.${lib.head path} = value; } ]
        else
          [ { ${lib.head path} = value; } ];
      sections = lib.foldl lib.recursiveUpdate { } (lib.flatten (flatten [ ] attrs));
    in
    generators.toINI {
      mkKeyValue = keyValue;
      mkSectionName = sectionName;
    } sections;

  /**
    A line of a dconf key file.
  */
  mkDconfKeyValue = generators.mkKeyValueDefault {
    mkValueString = v: toString (lib.gvariant.mkValue v);
  } "=";

  /**
    A dconf key file.
  */
  toDconfINI = generators.toINI { mkKeyValue = generators.mkDconfKeyValue; };

  /**
    JSON.
  */
  toJSON = { }: toJSON;

  /**
    YAML, in the part of it that JSON is.
  */
  toYAML = { }: toJSON;
}
// import ./generators/pretty.nix { inherit lib; }
// import ./generators/nested.nix { inherit lib; }
