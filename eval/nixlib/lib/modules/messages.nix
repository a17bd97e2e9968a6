# Longer messages of the module system.
{ lib }:
let
  inherit (builtins)
    attrNames
    filter
    isString
    length
    ;
  inherit (lib) showOption;
  quote = lib.strings.escapeNixString;

  # Terminal colors, as in the messages that users know: bold purple for what is wrong, bold for code.
  escape = builtins.fromJSON ''"\u001b"'';
  wrong = text: "${escape}[1;35m${text}${escape}[0m";
  code = text: "${escape}[1m${text}${escape}[0m";

  hints = class: {
    configuration = ''


      A configuration is the result of an evaluation. If you mean to build upon it, please only import the modules that make up the configuration.'';
    flake = ''


      Perhaps you forgot to select an attribute of it? Instead of `inputs.someflake`, write for example `inputs.someflake.${
        if class == null then "modules.someApp" else "${class}Modules"
      }.default`.'';
  };

  alternatives =
    names:
    if length names == 1 then
      lib.head names
    else
      "${lib.concatStringsSep ", " (lib.init names)} or ${lib.last names}";
in
{
  /**
    Something else than a module was imported.
  */
  notAModule =
    {
      class,
      file,
      type,
      prefix,
    }:
    let
      intoFile = lib.optionalString (
        file != null && file != lib.unknownModule
      ) ", while trying to load a module into ${toString file}";
      intoOption = lib.optionalString (
        prefix != [ ]
      ) ", while trying to load a module into ${code (showOption prefix)}";
      shown = if isString type then quote type else "<${builtins.typeOf type}>";
    in
    "Expected a module, but found a value of type ${wrong shown}${intoFile}${intoOption}."
    + "\nEach item of ${code "imports"}, or of the ${code "modules"} that an evaluation is given, must be a module."
    + lib.optionalString (isString type) ((hints class).${type} or "");

  /**
    The siblings that a misspelt option may stand for, as the end of a message.
  */
  didYouMean =
    {
      options,
      prefix,
      loc,
    }:
    let
      parent = lib.init loc;
      name = lib.last loc;
      siblings = attrNames (lib.attrByPath parent { } options);
      candidates = if parent == [ ] then lib.remove "_module" siblings else siblings;
      near =
        if length candidates < 100 then
          candidates
        else
          filter (lib.strings.levenshteinAtMost 2 name) candidates;
      best = lib.take 3 (lib.sortOn (lib.strings.levenshtein name) near);
      show = sibling: "`${showOption (prefix ++ parent ++ [ sibling ])}'";
    in
    lib.optionalString (best != [ ]) "\n\nDid you mean ${alternatives (map show best)}?";

  /**
    What is the matter where no option is declared at all.
  */
  noOptionsHere =
    prefix:
    if prefix == [ ] then
      ''


        It seems as if you're trying to declare an option by placing it into `config' rather than `options'!
      ''
    else
      ''


        However there are no options defined in `${showOption prefix}'. Are you sure you've
        declared your options properly? This can happen if you e.g. declared your options in `types.submodule'
        under `config' rather than `options'.
      '';

  /**
    Something else than an option stands where options are declared.
  */
  notAnOption =
    loc: type: file:
    let
      path = showOption loc;
      name = lib.strings.escapeNixIdentifier (lib.last loc);
    in
    "In module ${file}: expected an option declaration at option path `${path}` but got an attribute set with type ${type}"
    + lib.optionalString (type == "option-type") ''


      When declaring an option, you must wrap the type in a `mkOption` call. It should look somewhat like:
          ${lib.optionalString (length loc > 1) "\n    # ${path}"}
          ${name} = lib.mkOption {
            description = ...;
            type = <the type you wrote for ${name}>;
            ...
          };
    '';
}
