# Nested values as Lua, XML property lists and Dhall.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isPath
    isString
    toJSON
    ;
  inherit (lib)
    concatMapStringsSep
    generators
    isDerivation
    isFunction
    mapAttrsToList
    ;
in
{
  /**
    A piece of Lua that `toLua` writes as it is.
  */
  mkLuaInline = expr: {
    _type = "lua-inline";
    inherit expr;
  };

  /**
    Lua: a table, or assignments to globals (`asBindings`).
  */
  toLua =
    {
      multiline ? true,
      indent ? "",
      asBindings ? false,
    }@args:
    v:
    let
      innerIndent = "${indent}  ";
      open = if multiline then "\n${innerIndent}" else " ";
      close = if multiline then "\n${indent}" else " ";
      inner = generators.toLua (
        removeAttrs args [ "asBindings" ] // { indent = innerIndent; }
      );
      join = concatStringsSep ",${open}";
      isInline = v._type or null == "lua-inline";
      bindings = mapAttrsToList (
        name: value:
        let
          parts = lib.splitString "." name;
          reserved = [
            "and" "break" "do" "else" "elseif" "end" "false" "for" "function" "if" "in" "local" "nil"
            "not" "or" "repeat" "return" "then" "true" "until" "while"
          ];
          bad = lib.any (
            p: builtins.match "[a-zA-Z_][a-zA-Z0-9_]*" p == null || builtins.elem p reserved
          ) parts;
          binding = "${name} = ${
            generators.toLua (removeAttrs args [ "asBindings" ]) value
          }\n";
        in
        if bad then
          throw "attribute ${toJSON name} is not a valid Lua identifier"
        else
          "${indent}${binding}"
      ) v;
    in
    if asBindings then
      lib.concatStrings bindings
    else if v == null then
      "nil"
    else if isInt v || isFloat v || isString v || isBool v then
      toJSON v
    else if isPath v || isDerivation v then
      toJSON "${v}"
    else if isList v then
      (if v == [ ] then "{}" else "{${open}${concatMapStringsSep ",${open}" inner v}${close}}")
    else if isAttrs v then
      if isInline then
        "(${v.expr})"
      else if v == { } then
        "{}"
      else
        "{${open}${join (mapAttrsToList (name: value: "[${toJSON name}] = ${inner value}") v)}${close}}"
    else
      abort "generators.toLua: type ${builtins.typeOf v} is unsupported";

  /**
    An XML property list, as Apple's systems use it.
  */
  toPlist =
    {
      escape ? false,
    }:
    v:
    let
      text = if escape then lib.escapeXML else lib.id;
      block =
        tag: indent: inner:
        "${indent}<${tag}>\n${concatStringsSep "\n" inner}\n${indent}</${tag}>";
      expr =
        indent: x:
        if x == null then
          ""
        else if isBool x then
          "${indent}${if x then "<true/>" else "<false/>"}"
        else if isInt x then
          "${indent}<integer>${toString x}</integer>"
        else if isString x || isPath x then
          "${indent}<string>${text (toString x)}</string>"
        else if isList x then
          block "array" indent (map (expr "\t${indent}") x)
        else if isAttrs x then
          block "dict" indent (
            lib.concatLists (
              mapAttrsToList (
                name: value:
                lib.optionals (value != null) [
                  "\t${indent}<key>${text name}</key>"
                  (expr "\t${indent}" value)
                ]
              ) x
            )
          )
        else if isFloat x then
          "${indent}<real>${lib.strings.floatToString x}</real>"
        else
          abort "generators.toPlist: should never happen (v = ${toString x})";
    in
    ''
      <?xml version="1.0" encoding="UTF-8"?>
      <!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
      <plist version="1.0">
      ${expr "" v}
      </plist>'';

  /**
    Dhall.
  */
  toDhall =
    { }@args:
    v:
    let
      inner = generators.toDhall args;
    in
    if isAttrs v && !isDerivation v then
      "{ ${concatStringsSep ", " (mapAttrsToList (name: value: "${name} = ${inner value}") v)} }"
    else if isList v then
      "[ ${concatMapStringsSep ", " inner v} ]"
    else if isInt v then
      (if v < 0 then "" else "+") + toString v
    else if isBool v then
      (if v then "True" else "False")
    else if isFunction v then
      abort "generators.toDhall: cannot convert a function to Dhall"
    else if v == null then
      abort "generators.toDhall: cannot convert a null to Dhall"
    else
      toJSON v;
}
