# Configuration formats: `type` of the values, and `generate`, which makes a file of one.
{ lib, writeText }:
let
  inherit (lib) generators types;

  file = print: name: value: writeText name (print value);

  jsonLike =
    typeName: args: {
      type = types.serializableValueWith { inherit typeName; };
      generate = file builtins.toJSON;
    };

  iniAtom =
    types.nullOr (types.oneOf [ types.bool types.int types.float types.str ])
    // {
      description = "INI atom (null, bool, int, float or string)";
    };

  tomlKey = key: if builtins.match "[A-Za-z0-9_-]+" key != null then key else builtins.toJSON key;

  # A value inside a line of TOML.
  tomlInline =
    v:
    if builtins.isAttrs v then
      "{ ${
        lib.concatStringsSep ", " (lib.mapAttrsToList (k: x: "${tomlKey k} = ${tomlInline x}") v)
      } }"
    else if builtins.isList v then
      "[${lib.concatMapStringsSep ", " tomlInline v}]"
    else
      builtins.toJSON v;

  # Tables of TOML: plain values first, then one section for each inner table.
  toml =
    path: attrs:
    let
      given = lib.filterAttrs (_: v: v != null) attrs;
      isTable = v: builtins.isAttrs v && !lib.isDerivation v;
      plain = lib.filterAttrs (_: v: !isTable v) given;
      tables = lib.filterAttrs (_: isTable) given;
      header = lib.optionalString (path != [ ] && (plain != { } || tables == { })) (
        "[${lib.concatMapStringsSep "." tomlKey path}]\n"
      );
    in
    header
    + lib.concatStrings (lib.mapAttrsToList (k: v: "${tomlKey k} = ${tomlInline v}\n") plain)
    + lib.optionalString (plain != { } && tables != { }) "\n"
    + lib.concatStringsSep "\n" (lib.mapAttrsToList (k: toml (path ++ [ k ])) tables);
in
{
  /**
    JSON.
  */
  json = jsonLike "JSON";

  /**
    YAML, in the part of it that JSON is.
  */
  yaml = jsonLike "YAML";

  /**
    TOML.
  */
  toml = _: {
    type = types.toml;
    generate = file (toml [ ]);
  };

  /**
    Sections of lines "key=value".
  */
  ini =
    {
      listsAsDuplicateKeys ? false,
      listToValue ? null,
      ...
    }@args:
    let
      atom =
        if listsAsDuplicateKeys then
          types.coercedTo iniAtom lib.singleton (types.listOf iniAtom)
        else if listToValue != null then
          types.either iniAtom (types.listOf iniAtom)
        else
          iniAtom;
      convert = v: if builtins.isList v && listToValue != null then listToValue v else v;
    in
    {
      type = types.attrsOf (types.attrsOf atom);
      generate = file (
        value:
        generators.toINI (removeAttrs args [ "listToValue" ]) (
          builtins.mapAttrs (_: builtins.mapAttrs (_: convert)) value
        )
      );
    };

  /**
    Lines "key=value".
  */
  keyValue =
    {
      listsAsDuplicateKeys ? false,
      ...
    }@args:
    {
      type = types.attrsOf (
        if listsAsDuplicateKeys then types.either iniAtom (types.listOf iniAtom) else iniAtom
      );
      generate = file (generators.toKeyValue args);
    };

  /**
    Plain text.
  */
  text = _: {
    type = types.lines;
    generate = writeText;
  };
}
