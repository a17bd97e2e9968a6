# Quoting for other languages: shells, Nix, regular expressions, XML, URLs, C-like escapes.
{ lib }:
let
  inherit (builtins)
    elem
    isAttrs
    isList
    match
    replaceStrings
    stringLength
    substring
    ;
  asciiTable = import ./ascii.nix;
  keywords = [
    "assert"
    "else"
    "if"
    "in"
    "inherit"
    "let"
    "or"
    "rec"
    "then"
    "with"
  ];
in
{
  /**
    Codes of the ASCII characters.
  */
  inherit asciiTable;

  /**
    Code of an ASCII character.
  */
  charToInt = char: asciiTable.${char};

  /**
    Puts a backslash before each of the listed characters.
  */
  escape = chars: replaceStrings chars (map (c: "\\${c}") chars);

  /**
    Replaces each of the listed characters by its C escape, `\x20`.
  */
  escapeC =
    chars:
    replaceStrings chars (
      map (c: "\\x${lib.toLower (lib.fixedWidthString 2 "0" (lib.toHexString asciiTable.${c}))}") chars
    );

  /**
    Percent-encodes a string for use in a URL.
  */
  escapeURL =
    let
      unreserved = lib.stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
      encoded = builtins.removeAttrs asciiTable unreserved;
    in
    replaceStrings (builtins.attrNames encoded) (
      lib.mapAttrsToList (_: code: "%${lib.fixedWidthString 2 "0" (lib.toHexString code)}") encoded
    );

  /**
    Quotes a string for a POSIX shell, where it needs quotes.
  */
  escapeShellArg =
    arg:
    let
      text = toString arg;
    in
    if match "[[:alnum:],._+:@%/-]+" text == null then
      "'${replaceStrings [ "'" ] [ "'\\''" ] text}'"
    else
      text;

  /**
    Quotes a list of strings for a POSIX shell.
  */
  escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;

  /**
    Whether a string can be the name of a shell variable.
  */
  isValidPosixName = name: match "[a-zA-Z_][a-zA-Z0-9_]*" name != null;

  /**
    An assignment of a string, list or set to a shell variable.
  */
  toShellVar =
    name: value:
    lib.throwIfNot (lib.isValidPosixName name) "toShellVar: ${name} is not a valid shell variable name" (
      if isAttrs value && !lib.isStringLike value then
        "declare -A ${name}=(${
          lib.concatStringsSep " " (
            lib.mapAttrsToList (n: v: "[${lib.escapeShellArg n}]=${lib.escapeShellArg v}") value
          )
        })"
      else if isList value then
        "declare -a ${name}=(${lib.escapeShellArgs value})"
      else
        "${name}=${lib.escapeShellArg value}"
    );

  /**
    Assignments for all attributes of a set.
  */
  toShellVars = vars: lib.concatStringsSep "\n" (lib.mapAttrsToList lib.toShellVar vars);

  /**
    A string as a literal of the Nix language.
  */
  escapeNixString = s: lib.escape [ "$" ] (builtins.toJSON s);

  /**
    A string as a regular expression that matches it alone.
  */
  escapeRegex = lib.escape (lib.stringToCharacters "\\[{()^$?*+|.");

  /**
    A name as it is written in a path of attributes: bare where that is possible.
  */
  escapeNixIdentifier =
    s:
    if match "[a-zA-Z_][a-zA-Z0-9_'-]*" s != null && !elem s keywords then
      s
    else
      lib.strings.escapeNixString s;

  /**
    Escapes the characters with a meaning in XML.
  */
  escapeXML =
    replaceStrings
      [ "\"" "'" "<" ">" "&" ]
      [ "&quot;" "&apos;" "&lt;" "&gt;" "&amp;" ];

  /**
    Removes what a store path's name must not contain, and shortens it.
  */
  sanitizeDerivationName =
    name:
    let
      text = builtins.unsafeDiscardStringContext "${name}";
      # Runs of characters that names cannot hold become one "-" each.
      cleaned = lib.concatMapStrings (part: if isList part then "-" else part) (
        builtins.split "[^[:alnum:]+._?=-]+" (builtins.head (match "\\.*(.*)" text))
      );
      short =
        let
          n = stringLength cleaned;
        in
        if n > 207 then substring (n - 207) (-1) cleaned else cleaned;
    in
    if stringLength text <= 207 && match "[[:alnum:]+_?=-][[:alnum:]+._?=-]*" text != null then
      text
    else if short == "" then
      "unknown"
    else
      short;
}
