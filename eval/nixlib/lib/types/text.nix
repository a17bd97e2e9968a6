# Types of strings.
{ lib }:
let
  inherit (builtins) isString match toJSON;
  inherit (lib) mergeEqualOption types;
  inherit (types) addCheck defaultFunctor mkOptionType;
in
{
  /**
    A string.
  */
  str = mkOptionType {
    name = "str";
    description = "string";
    descriptionClass = "noun";
    check = isString;
    merge = mergeEqualOption;
  };

  /**
    A string that is more than white space.
  */
  nonEmptyStr = mkOptionType {
    name = "nonEmptyStr";
    description = "non-empty string";
    descriptionClass = "noun";
    check = x: isString x && match "[ \t\n]*" x == null;
    merge = mergeEqualOption;
  };

  /**
    A string of one line, whose final newline is dropped.
  */
  singleLineStr = mkOptionType {
    name = "singleLineStr";
    description = "(optionally newline-terminated) single-line string";
    descriptionClass = "noun";
    check = (types.strMatching "[^\n\r]*\n?").check;
    merge = loc: defs: lib.removeSuffix "\n" (mergeEqualOption loc defs);
  };

  /**
    A string that a regular expression matches.
  */
  strMatching =
    pattern:
    mkOptionType {
      name = "strMatching ${lib.strings.escapeNixString pattern}";
      description = "string matching the pattern ${pattern}";
      descriptionClass = "noun";
      check = x: isString x && match pattern x != null;
      merge = mergeEqualOption;
      functor = defaultFunctor "strMatching" // {
        type = payload: types.strMatching payload.pattern;
        payload = { inherit pattern; };
        binOp = a: b: if a == b then a else null;
      };
    };

  /**
    A string whose definitions are joined with a separator.
  */
  separatedString =
    sep:
    mkOptionType {
      name = "separatedString";
      description = "strings concatenated with ${toJSON sep}";
      descriptionClass = "noun";
      check = isString;
      merge = _: defs: lib.concatStringsSep sep (lib.getValues defs);
      functor = defaultFunctor "separatedString" // {
        payload = { inherit sep; };
        type = payload: types.separatedString payload.sep;
        binOp = a: b: if a == b then a else null;
      };
    };

  /**
    A string whose definitions are lines.
  */
  lines = types.separatedString "\n";

  /**
    A string whose definitions are joined with commas.
  */
  commas = types.separatedString ",";

  /**
    A string whose definitions are joined with colons.
  */
  envVar = types.separatedString ":";

  /**
    Once any string; use `str` or `lines`.
  */
  string = types.separatedString "" // {
    name = "string";
    deprecationMessage = "See https://github.com/NixOS/nixpkgs/pull/66346 for better alternative types.";
  };

  /**
    A string that can be a field of /etc/passwd.
  */
  passwdEntry =
    entryType:
    addCheck entryType (s: !(lib.hasInfix ":" s || lib.hasInfix "\n" s))
    // {
      name = "passwdEntry ${entryType.name}";
      description = "${
        types.optionDescriptionPhrase (class: class == "noun") entryType
      }, not containing newlines or colons";
      descriptionClass = "nonRestrictiveClause";
    };
}
