# Values as Nix expressions, for people.
{ lib }:
let
  inherit (builtins)
    addErrorContext
    elem
    isAttrs
    isFloat
    isInt
    isList
    isPath
    isString
    length
    mapAttrs
    ;
  inherit (lib)
    concatMapStringsSep
    concatStringsSep
    escape
    isDerivation
    isFunction
    mapAttrsToList
    ;

  # Attributes that give a set its behavior, and which cannot be cut off.
  special = [
    "__functionArgs"
    "__functor"
    "__pretty"
    "__toString"
  ];

  showFunction =
    f:
    let
      args = lib.functionArgs f;
      shown = mapAttrsToList (name: optional: if optional then name + "?" else name) args;
    in
    if args == { } then "<function>" else "<function, args: {${concatStringsSep ", " shown}}>";
in
{
  /**
    Cuts a value off below a depth, so that printing it ends: with an error or a word.
  */
  withRecursion =
    {
      depthLimit,
      throwOnDepthLimit ? true,
    }:
    assert isInt depthLimit;
    let
      cut =
        depth: value:
        if depth <= depthLimit then
          value
        else if throwOnDepthLimit then
          throw "Exceeded maximum eval-depth limit of ${toString depthLimit} while trying to evaluate with `generators.withRecursion'!"
        else
          "<unevaluated>";
      go =
        depth: value:
        let
          next = x: go (depth + 1) (cut (depth + 1) x);
        in
        if isAttrs value then
          mapAttrs (name: x: if elem name special then x else next x) value
        else if isList value then
          map next value
        else
          cut (depth + 1) value;
    in
    go 0;

  /**
    A value as a Nix expression; what has no such form is a word in angle brackets.
  */
  toPretty =
    {
      # Whether `{ __pretty; val; }` prints as `__pretty val`.
      allowPrettyValues ? false,
      multiline ? true,
      indent ? "",
    }:
    let
      go =
        indent: v:
        let
          open = if multiline then "\n${indent}  " else " ";
          close = if multiline then "\n${indent}" else " ";
          inside = go (indent + "  ");
        in
        if isInt v then
          toString v
        else if isFloat v then
          builtins.toJSON v
        else if isString v then
          showString open close v
        else if v == true then
          "true"
        else if v == false then
          "false"
        else if v == null then
          "null"
        else if isPath v then
          toString v
        else if isList v then
          (if v == [ ] then "[ ]" else "[" + open + concatMapStringsSep open inside v + close + "]")
        else if isFunction v then
          showFunction v
        else if !isAttrs v then
          abort "generators.toPretty: should never happen (v = ${v})"
        else if allowPrettyValues && v ? __pretty && v ? val then
          v.__pretty v.val
        else if v == { } then
          "{ }"
        else if isDerivation v then
          "<derivation ${v.name or "???"}>"
        else
          "{"
          + open
          + concatStringsSep open (
            mapAttrsToList (
              name: value:
              "${lib.strings.escapeNixIdentifier name} = ${
                addErrorContext "while evaluating an attribute `${name}`" (inside value)
              };"
            ) v
          )
          + close
          + "}";

      showString =
        open: close: v:
        let
          lines = lib.splitString "\n" v;
          inQuotes = escape [ "\\" "\"" "\${" ];
          inIndented = builtins.replaceStrings [ "\${" "''" ] [ "''\${" "'''" ];
          escaped = map inIndented lines;
        in
        if multiline && length lines > 1 then
          "''"
          + open
          + concatStringsSep open (lib.init escaped)
          + (if lib.last escaped == "" then close else open + lib.last escaped)
          + "''"
        else
          "\"" + concatStringsSep "\\n" (map inQuotes lines) + "\"";
    in
    go indent;
}
