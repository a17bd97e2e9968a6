# Options: declaring them, merging definitions that have no type of their own, showing names and values.
# Documentation lists are in options/docs.nix.
{ lib }:
let
  inherit (builtins)
    all
    concatLists
    concatStringsSep
    foldl'
    head
    isAttrs
    isBool
    isInt
    isList
    isString
    length
    tail
    ;
  inherit (lib) literalExpression showOption toList types;
  inherit (lib.options) showDefs;
  howToChoose = ''
    Use `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.
  '';
in
{
  ## Declaring

  /**
    Whether a value is an option (declared or evaluated).
  */
  isOption = value: value._type or "" == "option";

  /**
    Declares an option.
  */
  mkOption =
    {
      # Value that is used when nothing defines the option.
      default ? null,
      # What the documentation shows instead of the default.
      defaultText ? null,
      example ? null,
      description ? null,
      relatedPackages ? null,
      type ? null,
      # Function that makes the option's value of the merged definitions.
      apply ? null,
      # Whether the documentation hides the option from users.
      internal ? null,
      # Whether the documentation shows it: a boolean, "shallow" or "transparent".
      visible ? null,
      # Whether it may be set only once.
      readOnly ? null,
    }@declaration:
    declaration // { _type = "option"; };

  /**
    Declares a boolean option that enables something, off by default.
  */
  mkEnableOption =
    what:
    lib.mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${what}.";
    };

  /**
    Declares an option that holds a package, by default one of a package set.
  */
  mkPackageOption =
    pkgs: name:
    {
      nullable ? false,
      default ? name,
      example ? null,
      extraDescription ? "",
      pkgsText ? "pkgs",
    }:
    let
      shownName = if isList name then lib.last name else name;
      path = toList default;
      text = lib.showAttrPath path;
      hasDefault = default != null;
    in
    lib.mkOption (
      {
        type = if nullable then types.nullOr types.package else types.package;
        description = concatStringsSep " " (
          [ "The ${shownName} package to use." ] ++ lib.optional (extraDescription != "") extraDescription
        );
      }
      // lib.optionalAttrs hasDefault {
        default = lib.attrByPath path (throw "${text} cannot be found in ${pkgsText}") pkgs;
        defaultText = literalExpression "${pkgsText}.${text}";
      }
      // lib.optionalAttrs (!hasDefault && nullable) { default = null; }
      // lib.optionalAttrs (example != null) {
        example = literalExpression (
          if isList example then "${pkgsText}.${lib.showAttrPath example}" else example
        );
      }
    );

  /**
    Old name of `mkPackageOption`.
  */
  mkPackageOptionMD = lib.mkPackageOption;

  /**
    Declares an option that swallows any definition and cannot be read.
  */
  mkSinkUndeclaredOptions =
    overrides:
    lib.mkOption (
      {
        type = lib.mkOptionType {
          name = "sink";
          check = _: true;
          merge = _: _: false;
        };
        default = false;
        internal = true;
        visible = false;
        description = "Sink for option definitions.";
        apply = _: throw "Option value is not readable because the option is not declared.";
      }
      // overrides
    );

  ## Merging

  /**
    Merges definitions by the kind of their values: lists and strings are concatenated, sets united,
    booleans or-ed, functions merged by result.
  */
  mergeDefaultOption =
    loc: defs:
    let
      values = lib.getValues defs;
      first = head values;
    in
    if length values == 1 then
      first
    else if all lib.isFunction values then
      x: lib.mergeDefaultOption loc (map (def: def // { value = def.value x; }) defs)
    else if all isList values then
      concatLists values
    else if all isAttrs values then
      foldl' (a: b: a // b) { } values
    else if all isBool values then
      builtins.any (x: x) values
    else if all isString values then
      lib.concatStrings values
    else if all isInt values && all (x: x == first) values then
      first
    else
      throw "Cannot merge definitions of `${showOption loc}'. Definition values:${showDefs defs}";

  /**
    Refuses more than one definition.
  */
  mergeOneOption = lib.mergeUniqueOption { message = ""; };

  /**
    Refuses more than one definition with a message, and merges the one as told.
  */
  mergeUniqueOption =
    {
      message,
      merge ? _: defs: (head defs).value,
    }:
    loc: defs:
    if length defs == 1 then
      merge loc defs
    else
      assert defs != [ ];
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.\n${message}\nDefinition values:${showDefs defs}\n${howToChoose}";

  /**
    Accepts several definitions as long as they are equal.
  */
  mergeEqualOption =
    loc: defs:
    if defs == [ ] then
      abort "This case should never happen."
    else
      let
        first = head defs;
        compare =
          agreed: def:
          if def.value == first.value then
            agreed
          else
            throw "The option `${showOption loc}' has conflicting definition values:${
              showDefs [
                first
                def
              ]
            }\n${howToChoose}";
      in
      (foldl' compare first (tail defs)).value;

  /**
    Values of a list of definitions.
  */
  getValues = map (def: def.value);

  /**
    Files of a list of definitions.
  */
  getFiles = map (def: def.file);

  ## Showing

  /**
    Name of an option as a user writes it; names that are no identifiers are quoted.
  */
  showOption =
    loc:
    concatStringsSep "." (
      map (
        part:
        if part == "*" || builtins.match "<.*>" part != null then
          part
        else
          lib.strings.escapeNixIdentifier part
      ) loc
    );

  /**
    Files as a phrase of a message.
  */
  showFiles = files: concatStringsSep " and " (map (file: "`${file}'") files);

  /**
    Definitions as lines of a message, each with its file and at most five lines of value.
  */
  showDefs =
    let
      showValue =
        value:
        let
          printed = builtins.tryEval (
            lib.generators.toPretty { } (
              lib.generators.withRecursion {
                depthLimit = 10;
                throwOnDepthLimit = false;
              } value
            )
          );
          allLines = lib.splitString "\n" printed.value;
          shown = lib.take 5 allLines ++ lib.optional (length allLines > 5) "...";
        in
        if !printed.success then
          ""
        else if length allLines == 1 then
          ": ${head allLines}"
        else
          ":\n    " + concatStringsSep "\n    " shown;
    in
    lib.concatMapStrings (def: "\n- In `${def.file}'${showValue def.value}");

  /**
    An evaluated option with the files that define it, for messages.
  */
  showOptionWithDefLocs =
    option: "${showOption option.loc}, with values defined in:\n${
      lib.concatMapStringsSep "\n" (file: "  - ${file}") option.files
    }\n";

  /**
    File name of modules that come from no file.
  */
  unknownModule = "<unknown-file>";
}
// import ./options/docs.nix { inherit lib; }
