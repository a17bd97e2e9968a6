# Functions about nothing in particular: composition, booleans, numbers, messages.
{ lib }:
let
  inherit (builtins) functionArgs isFunction trace;
in
{
  inherit (builtins)
    add
    bitAnd
    bitOr
    bitXor
    ceil
    deepSeq
    floor
    genericClosure
    isBool
    isFloat
    isInt
    lessThan
    pathExists
    readFile
    seq
    sub
    ;

  ## Composition

  /**
    Returns its argument.
  */
  id = x: x;

  /**
    Returns its first argument whatever the second is.
  */
  const = x: _: x;

  /**
    Hands `value` through the functions of a list, first one first.
  */
  pipe = value: functions: builtins.foldl' (x: f: f x) value functions;

  /**
    Swaps the first two arguments of a function.
  */
  flip =
    f: a: b:
    f b a;

  /**
    Concatenates two lists.
  */
  concat = x: y: x ++ y;

  /**
    Applies a function unless the value is null.
  */
  mapNullable = f: x: if x == null then null else f x;

  /**
    Returns the value, or a default where it is null.
  */
  defaultTo = default: x: if x == null then default else x;

  /**
    Merges two sets, the right one winning.
  */
  mergeAttrs = x: y: x // y;

  ## Booleans

  /**
    Logical or, as a function.
  */
  "or" = x: y: x || y;

  /**
    Logical and, as a function.
  */
  and = x: y: x && y;

  /**
    Whether exactly one of two booleans is true.
  */
  xor = x: y: (!x) != (!y);

  /**
    "true" or "false".
  */
  boolToString = b: if b then "true" else "false";

  /**
    "yes" or "no".
  */
  boolToYesNo = b: if b then "yes" else "no";

  ## Numbers

  /**
    Product, as a function.
  */
  mul = x: y: x * y;

  /**
    Quotient, as a function.
  */
  div = x: y: x / y;

  /**
    Remainder of integer division, with the dividend's sign.
  */
  mod = base: divisor: base - divisor * (base / divisor);

  /**
    The smaller of two values.
  */
  min = x: y: if x < y then x else y;

  /**
    The greater of two values.
  */
  max = x: y: if x > y then x else y;

  /**
    Bitwise complement.
  */
  bitNot = x: -1 - x;

  /**
    Compares two values: -1, 0 or 1.
  */
  compare =
    a: b:
    if a < b then
      -1
    else if a > b then
      1
    else
      0;

  /**
    Orders values that fulfil a predicate before the others, each group by a comparison of its own.
  */
  splitByAndCompare =
    p: ifYes: ifNo: a: b:
    if p a then
      (if p b then ifYes a b else -1)
    else if p b then
      1
    else
      ifNo a b;

  /**
    Digits of a non-negative integer in a base, most significant first.
  */
  toBaseDigits =
    base: number:
    let
      digits = rest: n: if n < base then [ n ] ++ rest else digits ([ (lib.mod n base) ] ++ rest) (n / base);
    in
    assert base >= 2;
    assert number >= 0;
    digits [ ] number;

  /**
    Hexadecimal text of a non-negative integer.
  */
  toHexString =
    number: lib.concatMapStrings (d: builtins.substring d 1 "0123456789ABCDEF") (lib.toBaseDigits 16 number);

  /**
    Integer of a hexadecimal text, with or without "0x".
  */
  fromHexString =
    text:
    let
      digits = builtins.match "(0x)?([0-7]?[0-9A-Fa-f]{1,15})" text;
    in
    if digits == null then
      throw "${text} is not a valid hex string or would overflow"
    else
      (fromTOML "v=0x${builtins.elemAt digits 1}").v;

  ## Functions as values

  /**
    The formal arguments of a function or of a set made callable by `setFunctionArgs`.
  */
  functionArgs =
    f: if f ? __functor then f.__functionArgs or (lib.functionArgs (f.__functor f)) else functionArgs f;

  /**
    Attaches formal arguments to a function, as `functionArgs` reports them.
  */
  setFunctionArgs = f: args: {
    __functor = _: f;
    __functionArgs = args;
  };

  /**
    Whether a value can be called: a function or a set with `__functor`.
  */
  isFunction = f: isFunction f || (f ? __functor && lib.isFunction (f.__functor f));

  /**
    Returns functions as they are and wraps any other value in a constant function.
  */
  toFunction = value: if lib.isFunction value then value else _: value;

  /**
    Gives `g` the formal arguments of `f`.
  */
  mirrorFunctionArgs =
    f:
    let
      args = lib.functionArgs f;
    in
    g: if args == { } then g else lib.setFunctionArgs g args;

  ## Messages

  /**
    Prints a warning and returns the value.
  */
  warn =
    builtins.warn or (
      message: value: trace "evaluation warning: ${message}" value
    );

  /**
    Prints a warning if the condition holds, and returns the value.
  */
  warnIf = condition: message: if condition then lib.warn message else x: x;

  /**
    Prints a warning unless the condition holds, and returns the value.
  */
  warnIfNot = condition: message: if condition then x: x else lib.warn message;

  /**
    Fails with a message unless the condition holds.
  */
  throwIfNot = condition: message: if condition then x: x else throw message;

  /**
    Fails with a message if the condition holds.
  */
  throwIf = condition: message: if condition then throw message else x: x;

  /**
    Fails if a list holds an element outside a list of allowed ones, and returns the value else.
  */
  checkListOfEnum =
    what: allowed: given:
    let
      bad = lib.subtractLists allowed given;
    in
    lib.throwIfNot (bad == [ ])
      "${what}: ${lib.concatStringsSep ", " bad} unexpected; valid ones: ${lib.concatStringsSep ", " allowed}";

  /**
    Prints an informational message and returns the value.
  */
  info = message: trace "INFO: ${message}";

  /**
    Prints a list of warnings and returns the value.
  */
  showWarnings = warnings: value: builtins.foldl' (x: w: lib.warn w x) value warnings;

  ## Files

  /**
    Value of a JSON file.
  */
  importJSON = file: builtins.fromJSON (builtins.readFile file);

  /**
    Value of a TOML file.
  */
  importTOML = file: builtins.fromTOML (builtins.readFile file);

  ## Releases

  /**
    Release of NixOS whose option names and semantics this library follows.
  */
  release = "26.11";

  /**
    Oldest release that callers are expected to support.
  */
  oldestSupportedRelease = 2605;

  /**
    Whether the oldest supported release is at least this one (as a number: 2405).
  */
  oldestSupportedReleaseIsAtLeast = release: release <= lib.trivial.oldestSupportedRelease;

  /**
    Old name of `oldestSupportedReleaseIsAtLeast`.
  */
  isInOldestRelease = lib.trivial.oldestSupportedReleaseIsAtLeast;

  /**
    Name of the release.
  */
  codeName = "Zokor";

  /**
    What follows the release in the version.
  */
  versionSuffix = ".nivis";

  /**
    Full version of the package set and modules.
  */
  version = lib.trivial.release + lib.trivial.versionSuffix;

  /**
    Old name of `version`.
  */
  nixpkgsVersion = lib.trivial.version;

  /**
    Revision of the source tree, or the given default where it is not known.
  */
  revisionWithDefault = default: default;

  /**
    Whether evaluation happens inside a shell started by nix-shell.
  */
  inNixShell = builtins.getEnv "IN_NIX_SHELL" != "";

  /**
    Whether evaluation is pure, so that paths of the host cannot be read.
  */
  inPureEvalMode = !(builtins ? currentSystem);
}
