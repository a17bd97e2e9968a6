# Command lines from attribute sets.
{ lib }:
let
  inherit (builtins) isBool isList stringLength;
  inherit (lib) escapeShellArgs mapAttrsToList;

  # Arguments of one option with one value.
  render =
    {
      option,
      # What stands between option and value in one argument; null for two arguments.
      sep,
      # Whether booleans are values, not presence and absence of the option.
      explicitBool,
      formatArg ? lib.generators.mkValueStringDefault { },
    }:
    value:
    if value == null || (!explicitBool && value == false) then
      [ ]
    else if !explicitBool && value == true then
      [ option ]
    else if sep == null then
      [
        option
        (formatArg value)
      ]
    else
      [ "${option}${sep}${formatArg value}" ];
in
{
  /**
    Arguments of a command from a set, each option formatted by a function of its name, which gives
    `{ option; sep; explicitBool; formatArg; }`.
  */
  toCommandLine =
    optionFormat: attrs:
    lib.concatLists (
      mapAttrsToList (
        name: value:
        if name == "" then
          throw "lib.cli.toCommandLine only accepts non-empty option names."
        else
          lib.concatMap (render (optionFormat name)) (lib.toList value)
      ) attrs
    );

  /**
    As `toCommandLine`, as one text quoted for a shell.
  */
  toCommandLineShell = optionFormat: attrs: escapeShellArgs (lib.cli.toCommandLine optionFormat attrs);

  /**
    Arguments in GNU's style: `-x` for names of one letter, `--xyz=value` for others.
  */
  toCommandLineGNU =
    {
      isLong ? (name: stringLength name > 1),
      explicitBool ? false,
      formatArg ? lib.generators.mkValueStringDefault { },
    }:
    lib.cli.toCommandLine (
      name:
      let
        long = isLong name;
      in
      {
        option = if long then "--${name}" else "-${name}";
        sep = if long then "=" else "";
        inherit explicitBool formatArg;
      }
    );

  /**
    As `toCommandLineGNU`, as one text quoted for a shell.
  */
  toCommandLineShellGNU = settings: attrs: escapeShellArgs (lib.cli.toCommandLineGNU settings attrs);

  /**
    Older form: arguments with the value apart from the option.
  */
  toGNUCommandLine =
    {
      mkOptionName ? (name: if stringLength name == 1 then "-${name}" else "--${name}"),
      mkBool ? (name: v: lib.optional v (mkOptionName name)),
      mkList ? (name: v: lib.concatMap (mkOption name) v),
      mkOption ? (
        name: v:
        if v == null then
          [ ]
        else if optionValueSeparator == null then
          [
            (mkOptionName name)
            (lib.generators.mkValueStringDefault { } v)
          ]
        else
          [ "${mkOptionName name}${optionValueSeparator}${lib.generators.mkValueStringDefault { } v}" ]
      ),
      optionValueSeparator ? null,
    }:
    attrs:
    lib.concatLists (
      mapAttrsToList (
        name: value:
        if isBool value then
          mkBool name value
        else if isList value then
          mkList name value
        else
          mkOption name value
      ) attrs
    );

  /**
    As `toGNUCommandLine`, as one text quoted for a shell.
  */
  toGNUCommandLineShell = settings: attrs: escapeShellArgs (lib.cli.toGNUCommandLine settings attrs);
}
