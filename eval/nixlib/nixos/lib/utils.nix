# Helpers that modules get as the argument `utils`.
{ lib }:
let
  inherit (builtins) isFloat isInt replaceStrings stringLength;
  letters = lib.stringToCharacters "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.";
  hexDigits = lib.stringToCharacters "0123456789abcdef";
  hex = n: "${builtins.elemAt hexDigits (n / 16)}${builtins.elemAt hexDigits (lib.mod n 16)}";
  escapeCharacter =
    character:
    if builtins.elem character letters then
      character
    else
      "\\x${hex (lib.strings.charToInt character)}";
in
rec {
  /**
    A path as part of a unit's name, as `systemd-escape --path` writes it.
  */
  escapeSystemdPath =
    path:
    let
      parts = builtins.filter (part: part != "" && part != ".") (lib.splitString "/" "${toString path}");
      # A dot is only escaped where it would hide the unit.
      part =
        first: text:
        let
          rest = lib.concatMapStrings escapeCharacter (lib.stringToCharacters text);
        in
        if first && lib.hasPrefix "." text then "\\x2e${builtins.substring 1 (stringLength rest) rest}" else rest;
    in
    if parts == [ ] then
      "-"
    else
      lib.concatStringsSep "-" (lib.imap0 (index: part (index == 0)) parts);

  /**
    A value as one word of a command in a unit.
  */
  escapeSystemdExecArg =
    argument:
    let
      text =
        if builtins.isPath argument then
          "${argument}"
        else if builtins.isString argument || lib.isDerivation argument then
          "${argument}"
        else if isInt argument || isFloat argument then
          toString argument
        else
          throw "escapeSystemdExecArg takes strings, paths, numbers and derivations";
    in
    replaceStrings [ "%" "$" ] [ "%%" "$$" ] (builtins.toJSON text);

  /**
    A list of values as the words of a command in a unit.
  */
  escapeSystemdExecArgs = lib.concatMapStringsSep " " escapeSystemdExecArg;

  /**
    Where a running system has a shell, which is a package or a path.
  */
  toShellPath =
    shell:
    if lib.types.shellPackage.check shell then
      "/run/current-system/sw${shell.shellPath}"
    else if lib.types.package.check shell then
      throw "${shell.name or "a package"} is not a shell: it has no attribute `shellPath`"
    else
      shell;
}
