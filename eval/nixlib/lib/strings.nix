# Strings: joining, taking apart, case, padding, numbers, search paths.
# Quoting for other languages is in strings/escape.nix, names and versions in strings/names.nix.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    genList
    head
    isPath
    isString
    length
    match
    readFile
    replaceStrings
    split
    stringLength
    substring
    typeOf
    ;
  lower = lib.stringToCharacters "abcdefghijklmnopqrstuvwxyz";
  upper = lib.stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

  # Paths as arguments of a textual search would be copied to the store by mistake.
  warnPath =
    function: argument: value:
    lib.warnIf (isPath value) ''
      lib.strings.${function}: The ${argument} (${toString value}) is a path value, but only strings are supported.
          There is almost certainly a bug in the calling code, since this function never copies paths to the store.
          You might want to replace the path with a string using `toString` or "''${…}".'';
in
{
  inherit (builtins)
    appendContext
    compareVersions
    concatStringsSep
    elem
    elemAt
    filter
    fromJSON
    genList
    getContext
    hasContext
    head
    isInt
    isList
    isPath
    isString
    length
    match
    parseDrvName
    readFile
    replaceStrings
    split
    storeDir
    stringLength
    substring
    tail
    toJSON
    typeOf
    unsafeDiscardStringContext
    ;
  fromTOML = builtins.fromTOML;

  ## Joining

  /**
    Concatenates strings.
  */
  concatStrings = concatStringsSep "";

  /**
    Concatenates what a function makes of list elements.
  */
  concatMapStrings = f: list: concatStringsSep "" (map f list);

  /**
    As `concatMapStrings`, the function getting the index too, counted from 1.
  */
  concatImapStrings = f: list: concatStringsSep "" (lib.imap1 f list);

  /**
    Maps and joins with a separator.
  */
  concatMapStringsSep =
    sep: f: list:
    concatStringsSep sep (map f list);

  /**
    As `concatMapStringsSep`, the function getting the index too, counted from 1.
  */
  concatImapStringsSep =
    sep: f: list:
    concatStringsSep sep (lib.imap1 f list);

  /**
    Maps attributes to strings and joins them.
  */
  concatMapAttrsStringSep =
    sep: f: attrs:
    concatStringsSep sep (lib.mapAttrsToList f attrs);

  /**
    Joins lines, ending each with a newline.
  */
  concatLines = lib.concatMapStrings (line: line + "\n");

  /**
    Joins with a separator.
  */
  join = concatStringsSep;

  /**
    Puts a separator between list elements.
  */
  intersperse =
    separator: list:
    if length list < 2 then
      list
    else
      lib.tail (
        builtins.concatMap (x: [
          separator
          x
        ]) list
      );

  /**
    A string repeated n times.
  */
  replicate = n: s: lib.concatStrings (lib.lists.replicate n s);

  /**
    The string if the condition holds, else the empty string.
  */
  optionalString = condition: s: if condition then s else "";

  ## Taking apart

  /**
    The bytes of a string as strings.
  */
  stringToCharacters = s: genList (i: substring i 1 s) (stringLength s);

  /**
    Maps a function over the bytes of a string.
  */
  stringAsChars = f: s: lib.concatMapStrings f (lib.stringToCharacters s);

  /**
    Splits at a separator, which is a plain text.
  */
  splitString =
    sep: s:
    let
      pieces = filter isString (split (lib.escapeRegex (toString sep)) (toString s));
    in
    map (lib.addContextFrom s) pieces;

  /**
    Splits where a predicate of the previous and the current byte holds, keeping the byte or not.
  */
  splitStringBy =
    predicate: keepSplit: s:
    let
      n = stringLength s;
      go =
        pos: current: previous: pieces:
        if pos == n then
          pieces ++ [ current ]
        else
          let
            char = substring pos 1 s;
          in
          if predicate previous char then
            go (pos + 1) (if keepSplit then char else "") char (pieces ++ [ current ])
          else
            go (pos + 1) (current + char) char pieces;
    in
    if n == 0 then [ "" ] else map (lib.addContextFrom s) (go 0 "" "" [ ]);

  /**
    Removes spaces, tabs and line ends at both ends.
  */
  trim = lib.trimWith {
    start = true;
    end = true;
  };

  /**
    Removes white space at the chosen ends.
  */
  trimWith =
    {
      start ? false,
      end ? false,
    }:
    let
      blank = " \t\r\n";
      pattern =
        if start && end then
          "[${blank}]*(.*[^${blank}])[${blank}]*"
        else if start then
          "[${blank}]*(.*)"
        else if end then
          "(.*[^${blank}])[${blank}]*"
        else
          "(.*)";
    in
    s:
    let
      found = match pattern s;
    in
    lib.optionalString (found != null) (head found);

  /**
    Removes a prefix, if the string has it.
  */
  removePrefix =
    prefix: s:
    warnPath "removePrefix" "first argument" prefix (
      let
        n = stringLength prefix;
      in
      if substring 0 n s == prefix then substring n (-1) s else s
    );

  /**
    Removes a suffix, if the string has it.
  */
  removeSuffix =
    suffix: s:
    warnPath "removeSuffix" "first argument" suffix (
      let
        n = stringLength suffix;
        m = stringLength s;
      in
      if n <= m && suffix == substring (m - n) n s then substring 0 (m - n) s else s
    );

  /**
    Text of a file, without one newline at its end.
  */
  fileContents = file: lib.removeSuffix "\n" (readFile file);

  ## Questions

  /**
    Whether a string begins with a prefix.
  */
  hasPrefix =
    prefix: s:
    warnPath "hasPrefix" "first argument" prefix (substring 0 (stringLength prefix) s == prefix);

  /**
    Whether a string ends with a suffix.
  */
  hasSuffix =
    suffix: s:
    let
      n = stringLength s;
      m = stringLength suffix;
    in
    warnPath "hasSuffix" "first argument" suffix (n >= m && substring (n - m) n s == suffix);

  /**
    Whether a string contains another one.
  */
  hasInfix =
    infix: s:
    # A replacement that changes nothing tells "absent", and is linear unlike a regular expression.
    warnPath "hasInfix" "first argument" infix (
      infix == "" || replaceStrings [ infix ] [ "" ] "${s}" != "${s}"
    );

  /**
    Whether a value can stand where a string is wanted: strings, paths, sets with an output path.
  */
  isStringLike = x: isString x || isPath x || x ? outPath || x ? __toString;

  /**
    Whether `toString` works on a value.
  */
  isConvertibleWithToString =
    let
      types = [
        "null"
        "int"
        "float"
        "bool"
      ];
    in
    x:
    lib.isStringLike x
    || builtins.elem (typeOf x) types
    || (builtins.isList x && lib.all lib.strings.isConvertibleWithToString x);

  /**
    Old name of `isConvertibleWithToString`.
  */
  isCoercibleToString = lib.strings.isConvertibleWithToString;

  /**
    Whether a value is the path of a store object.
  */
  isStorePath =
    x:
    if lib.isStringLike x then
      let
        text = toString x;
      in
      # The second form is a placeholder for the path of a content-addressed output.
        substring 0 1 text == "/" && (dirOf text == builtins.storeDir || match "/[0-9a-z]{52}" text != null)
    else
      false;

  ## Case

  /**
    The lower-case letters of ASCII, as one string.
  */
  lowerChars = lower;

  /**
    The upper-case letters of ASCII, as one string.
  */
  upperChars = upper;

  /**
    Lower case, ASCII letters only.
  */
  toLower = replaceStrings upper lower;

  /**
    Upper case, ASCII letters only.
  */
  toUpper = replaceStrings lower upper;

  /**
    Upper case for the first letter, lower case for the rest.
  */
  toSentenceCase =
    s:
    lib.throwIfNot (isString s) "toSentenceCase does only accepts string values, but got ${typeOf s}" (
      lib.addContextFrom s (lib.toUpper (substring 0 1 s) + lib.toLower (substring 1 (stringLength s) s))
    );

  /**
    Words joined without a separator, all but the first with a capital.
  */
  toCamelCase =
    s:
    lib.throwIfNot (isString s) "toCamelCase does only accepts string values, but got ${typeOf s}" (
      let
        isSeparator = char: builtins.elem char [ " " "-" "_" ];
        isUpper = char: match "[A-Z]" char != null;
        isLower = char: match "[a-z]" char != null;
        words = filter (w: w != "") (
          lib.splitStringBy (_: isSeparator) false s
        );
        parts = builtins.concatMap (
          lib.splitStringBy (previous: char: isLower previous && isUpper char) true
        ) words;
        cased = lib.imap0 (i: w: if i == 0 then lib.toLower w else lib.toSentenceCase w) parts;
      in
      lib.addContextFrom s (lib.concatStrings cased)
    );

  ## Context

  /**
    Gives `target` the context of `source` too.
  */
  addContextFrom = source: target: substring 0 0 source + target;

  ## Numbers

  /**
    Pads a string on the left to a width with a filler of one byte.
  */
  fixedWidthString =
    width: filler: s:
    let
      n = stringLength s;
      missing = width - n;
    in
    assert lib.assertMsg (n <= width)
      "fixedWidthString: requested string length (${toString width}) must not be shorter than actual length (${toString n})";
    lib.strings.replicate missing filler + s;

  /**
    Pads a number with zeros.
  */
  fixedWidthNumber = width: n: lib.fixedWidthString width "0" (toString n);

  /**
    Text of a float; warns where its decimals are cut.
  */
  floatToString =
    f:
    let
      short = toString f;
      exact = builtins.toJSON f;
    in
    lib.warnIf (builtins.fromJSON short != f) "Imprecise conversion from float to string ${short}" (
      if builtins.fromJSON short == f then short else exact
    );

  /**
    Integer of a decimal text; refuses leading zeros, whose base is not clear.
  */
  toInt =
    text:
    let
      stripped = match "[[:space:]]*(-?[[:digit:]]+)[[:space:]]*" text;
      zeroPadded = match "[[:space:]]*0[[:digit:]]+[[:space:]]*" text != null;
    in
    if stripped == null then
      throw "toInt: Could not convert ${lib.strings.escapeNixString text} to int."
    else if zeroPadded then
      throw "toInt: Ambiguity in interpretation of ${lib.strings.escapeNixString text} between octal and zero padded integer."
    else
      builtins.fromJSON (head stripped);

  /**
    Integer of a decimal text that may begin with zeros.
  */
  toIntBase10 =
    text:
    let
      parts = match "[[:space:]]*0*(-?[[:digit:]]+)[[:space:]]*" text;
      value = builtins.fromJSON (head parts);
    in
    if parts == null then
      throw "toIntBase10: Could not convert ${lib.strings.escapeNixString text} to int."
    else
      value;

  ## Replacing

  /**
    Replaces every occurrence of one text by another.
  */
  replaceString = from: to: replaceStrings [ from ] [ to ];

  /**
    Replaces bytes by the values of a set, where it has them.
  */
  replaceChars = replaceStrings;

  ## Distance

  /**
    Edit distance of two strings.
  */
  levenshtein =
    a: b:
    let
      n = stringLength b;
      ys = lib.stringToCharacters b;
      # One row of the table from the row above; a strict fold, so that nothing piles up.
      row =
        above: char:
        let
          first = head above + 1;
        in
        (builtins.foldl'
          (
            acc: i:
            let
              substituted = elemAt above i + (if elemAt ys i == char then 0 else 1);
              deleted = elemAt above (i + 1) + 1;
              best = lib.min substituted (lib.min deleted (acc.left + 1));
            in
            builtins.seq best {
              left = best;
              cells = acc.cells ++ [ best ];
            }
          )
          {
            left = first;
            cells = [ first ];
          }
          (genList (i: i) n)
        ).cells;
    in
    elemAt (builtins.foldl' row (genList (i: i) (n + 1)) (lib.stringToCharacters a)) n;

  /**
    Length of the common beginning of two strings.
  */
  commonPrefixLength =
    a: b:
    let
      m = lib.min (stringLength a) (stringLength b);
      go =
        i:
        if i >= m then
          m
        else if substring i 1 a == substring i 1 b then
          go (i + 1)
        else
          i;
    in
    go 0;

  /**
    Length of the common end of two strings.
  */
  commonSuffixLength =
    a: b:
    let
      n = stringLength a;
      m = stringLength b;
      go =
        i:
        if i >= lib.min n m then
          i
        else if substring (n - i - 1) 1 a == substring (m - i - 1) 1 b then
          go (i + 1)
        else
          i;
    in
    go 0;

  /**
    Whether the edit distance of two strings is at most k.
  */
  levenshteinAtMost =
    k: a: b:
    let
      difference = stringLength a - stringLength b;
    in
    difference <= k && -difference <= k && lib.strings.levenshtein a b <= k;

  ## Search paths

  /**
    A search path of a directory in several packages.
  */
  makeSearchPath =
    subDir: paths: concatStringsSep ":" (map (path: path + "/" + subDir) (filter (x: x != null) paths));

  /**
    As `makeSearchPath`, in an output of the packages.
  */
  makeSearchPathOutput =
    output: subDir: pkgs:
    lib.makeSearchPath subDir (map (lib.getOutput output) pkgs);

  /**
    A search path of libraries.
  */
  makeLibraryPath = packages: lib.makeSearchPath "lib" (map lib.getLib (filter (x: x != null) packages));

  /**
    A search path of headers.
  */
  makeIncludePath = lib.makeSearchPathOutput "dev" "include";

  /**
    A search path of programs.
  */
  makeBinPath = lib.makeSearchPathOutput "bin" "bin";

  /**
    A path in one canonical form, without repeated slashes and "." parts.
  */
  normalizePath =
    s:
    warnPath "normalizePath" "argument" s (
      builtins.foldl' (
        acc: c: if c == "/" && lib.hasSuffix "/" acc then acc else acc + c
      ) "" (lib.stringToCharacters s)
    );
}
// import ./strings/escape.nix { inherit lib; }
// import ./strings/names.nix { inherit lib; }
