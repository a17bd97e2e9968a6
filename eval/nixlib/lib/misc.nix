# Functions that older configurations and packages still call.
{ lib }:
let
  inherit (builtins) listToAttrs;
in
{
  /**
    A hash that no file has, to be replaced by the one that the error message tells.
  */
  fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

  /**
    As `fakeHash`, in hexadecimal SHA-256.
  */
  fakeSha256 = lib.strings.replicate 64 "0";

  /**
    As `fakeHash`, in hexadecimal SHA-512.
  */
  fakeSha512 = lib.strings.replicate 128 "0";

  /**
    Value of an environment variable, or a default.
  */
  maybeEnv =
    name: default:
    let
      value = builtins.getEnv name;
    in
    if value == "" then default else value;

  /**
    The attribute, or a default where the set has none of that name.
  */
  maybeAttr =
    name: default: set:
    set.${name} or default;

  /**
    As `maybeAttr`; the set may be null.
  */
  maybeAttrNullable = lib.maybeAttr;

  /**
    A pair for `listToAttrs`.
  */
  nvs = name: value: listToAttrs [ (lib.nameValuePair name value) ];

  /**
    A set with one attribute changed.
  */
  setAttr =
    set: name: value:
    set // { ${name} = value; };

  /**
    A value if the condition holds, else the empty string.
  */
  ifEnable = condition: value: if condition then value else "";

  /**
    Merges two sets, values of common names by a function.
  */
  mergeAttrsWithFunc =
    f: x: y:
    x // y // builtins.mapAttrs (name: _: f x.${name} y.${name}) (builtins.intersectAttrs x y);

  /**
    Merges two sets whose common values are concatenated.
  */
  mergeAttrsConcatenateValues = lib.mergeAttrsWithFunc (a: b: a ++ b);

  /**
    Packages with all that they propagate.
  */
  closePropagation =
    packages:
    map (node: node.val) (
      builtins.genericClosure {
        startSet = map (val: { key = val.outPath or val; inherit val; }) (
          builtins.filter (p: p != null) packages
        );
        operator =
          node:
          map (val: { key = val.outPath or val; inherit val; }) (
            builtins.filter (p: p != null) (
              (node.val.propagatedBuildInputs or [ ]) ++ (node.val.propagatedNativeBuildInputs or [ ])
            )
          );
      }
    );

  /**
    Old name of `imap1`.
  */
  imap = lib.imap1;

  /**
    Type of a value, with derivations as a type of their own.
  */
  nixType = x: if lib.isDerivation x then "derivation" else builtins.typeOf x;

  /**
    Lists without repetitions, by equality of values.
  */
  uniqList = { inputList, acc ? [ ] }: lib.unique (acc ++ inputList);

  /**
    Merges sets that must not share a name, except where the values are equal.
  */
  mergeAttrsNoOverride =
    { mergeLists ? [ ], overrideSnd ? [ ] }:
    a: b:
    a
    // b
    // builtins.mapAttrs (
      name: _:
      if builtins.elem name mergeLists then
        a.${name} ++ b.${name}
      else if builtins.elem name overrideSnd then
        b.${name}
      else
        throw "mergeAttrsNoOverride: attribute `${name}' is in both sets"
    ) (builtins.intersectAttrs a b);
}
