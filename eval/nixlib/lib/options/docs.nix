# Documentation of options: marking texts as code, and listing an option tree.
{ lib }:
let
  inherit (builtins)
    addErrorContext
    concatMap
    isAttrs
    isBool
    isList
    isString
    mapAttrs
    ;
  inherit (lib) optionalAttrs;

  tagged =
    _type: function: text:
    if isString text then { inherit _type text; } else throw "${function} expects a string.";
in
{
  /**
    A text that documentation shows as a Nix expression.
  */
  literalExpression = tagged "literalExpression" "literalExpression";

  /**
    Old name of `literalExpression`.
  */
  literalExample = lib.literalExpression;

  /**
    A text that documentation shows as Markdown.
  */
  literalMD = tagged "literalMD" "literalMD";

  /**
    Old form of `literalMD`.
  */
  literalDocBook = lib.literalMD;

  /**
    A text that documentation shows as code of the given language.
  */
  literalCode = language: text: lib.literalMD "```${language}\n${text}\n```\n";

  /**
    Once marked descriptions as Markdown, which they all are now.
  */
  mdDoc = text: text;

  /**
    A value in the form that documentation takes: as it is if it is a marked text, printed else.
  */
  renderOptionValue =
    value:
    if value ? _type && value ? text then
      value
    else
      lib.literalExpression (
        lib.generators.toPretty {
          multiline = true;
          allowPrettyValues = true;
        } value
      );

  /**
    Replaces derivations in a value by their names, so that printing it builds nothing.
  */
  scrubOptionValue =
    value:
    if lib.isDerivation value then
      {
        type = "derivation";
        inherit (value) name;
        drvPath = value.name;
        outPath = value.name;
      }
    else if isList value then
      map lib.scrubOptionValue value
    else if isAttrs value then
      mapAttrs (_: lib.scrubOptionValue) (removeAttrs value [ "_args" ])
    else
      value;

  /**
    Every option of a tree, with those inside submodules, as a list of records of plain data.
  */
  optionAttrSetToDocList = lib.optionAttrSetToDocList' [ ];

  /**
    As `optionAttrSetToDocList`; the first argument, once the prefix, is not used.
  */
  optionAttrSetToDocList' =
    _: options:
    let
      describe =
        option:
        let
          name = lib.showOption option.loc;
          visible = option.visible or true;
          type = option.type or { };
          empty = type.emptyValue or { };
          # The empty value of a submodule is all its defaults, which are listed one by one anyway.
          hasEmptyDefault = empty ? value && type.getSubModules or null == null;
          inside = option.type.getSubOptions option.loc;
          hasDefault = option ? defaultText || option ? default || hasEmptyDefault;
        in
        [
          (
            {
              inherit name;
              inherit (option) loc;
              description = option.description or null;
              declarations = builtins.filter (file: file != lib.unknownModule) option.declarations;
              internal = option.internal or false;
              visible = if isBool visible then visible else visible == "shallow";
              readOnly = option.readOnly or false;
              type = type.description or "unspecified";
            }
            // optionalAttrs (option ? example) {
              example = addErrorContext "while evaluating the example of option `${name}`" (
                lib.options.renderOptionValue option.example
              );
            }
            // optionalAttrs hasDefault {
              default =
                addErrorContext
                  "while evaluating the ${
                    if option ? defaultText then "defaultText" else "default value"
                  } of option `${name}`"
                  (lib.options.renderOptionValue (option.defaultText or option.default or empty.value));
            }
            // optionalAttrs (option.relatedPackages or null != null) {
              inherit (option) relatedPackages;
            }
          )
        ]
        ++ lib.optionals (if isBool visible then visible else visible == "transparent") (
          if inside == { } then [ ] else lib.optionAttrSetToDocList' option.loc inside
        );
    in
    concatMap describe (lib.collect lib.isOption options);
}
