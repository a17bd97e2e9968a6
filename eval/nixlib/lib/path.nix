# Path values, and relative paths as strings ("subpaths").
{ lib }:
let
  inherit (builtins)
    concatMap
    filter
    isPath
    isString
    length
    match
    split
    substring
    typeOf
    ;
  inherit (lib)
    assertMsg
    concatStringsSep
    drop
    take
    ;

  # Why a string is no subpath, or null.
  problem =
    value:
    if !isString value then
      "The given value is of type ${typeOf value}, but a string was expected"
    else if value == "" then
      "The given string is empty"
    else if substring 0 1 value == "/" then
      "The given string \"${value}\" starts with a `/`, representing an absolute path"
    else if match "(.*/)?\\.\\.(/.*)?" value != null then
      "The given string \"${value}\" contains a `..` component, which is not allowed in subpaths"
    else
      null;

  # Components of a subpath, without empty and "." ones.
  components =
    s: filter (part: isString part && part != "" && part != ".") (split "/" s);
  render = parts: "./" + (if parts == [ ] then "." else concatStringsSep "/" parts);

  checkPath =
    function: what: value:
    assertMsg (isPath value)
      "lib.path.${function}: The ${what} argument is of type ${typeOf value}, but a path was expected";

  # `{ root; parts; }` of a path value.
  deconstruct =
    let
      go =
        parts: path:
        if path == dirOf path then
          {
            root = path;
            inherit parts;
          }
        else
          go ([ (baseNameOf path) ] ++ parts) (dirOf path);
    in
    go [ ];

  # Names of store objects: 32 characters of a hash, or what content-addressed placeholders have.
  storeName = "[0-9a-df-np-sv-z]{32}-.*";
  storeParts = (deconstruct (/. + builtins.storeDir)).parts;
in
{
  /**
    A path with a subpath appended.
  */
  append =
    path: sub:
    assert checkPath "append" "first" path;
    assert assertMsg (problem sub == null) ''
      lib.path.append: Second argument is not a valid subpath string:
          ${problem sub}'';
    path + ("/" + sub);

  /**
    Whether a path is another one or lies below it.
  */
  hasPrefix =
    prefix:
    assert checkPath "hasPrefix" "first" prefix;
    let
      p = deconstruct prefix;
    in
    path:
    assert checkPath "hasPrefix" "second" path;
    let
      q = deconstruct path;
    in
    assert assertMsg (p.root == q.root) ''
      lib.path.hasPrefix: Filesystem roots must be the same for both paths, but paths with different roots were given:
          first argument: "${toString prefix}" with root "${toString p.root}"
          second argument: "${toString path}" with root "${toString q.root}"'';
    take (length p.parts) q.parts == p.parts;

  /**
    The subpath from one path to another one below it.
  */
  removePrefix =
    prefix:
    assert checkPath "removePrefix" "first" prefix;
    let
      p = deconstruct prefix;
      n = length p.parts;
    in
    path:
    assert checkPath "removePrefix" "second" path;
    let
      q = deconstruct path;
    in
    assert assertMsg (p.root == q.root) ''
      lib.path.removePrefix: Filesystem roots must be the same for both paths, but paths with different roots were given:
          first argument: "${toString prefix}" with root "${toString p.root}"
          second argument: "${toString path}" with root "${toString q.root}"'';
    if take n q.parts == p.parts then
      render (drop n q.parts)
    else
      throw ''
        lib.path.removePrefix: The first path argument "${toString prefix}" is not a component-wise prefix of the second path argument "${toString path}".'';

  /**
    A path as its root and the subpath below it.
  */
  splitRoot =
    path:
    assert checkPath "splitRoot" "given" path;
    let
      d = deconstruct path;
    in
    {
      inherit (d) root;
      subpath = render d.parts;
    };

  /**
    Whether a path is that of a store object or below one.
  */
  hasStorePathPrefix =
    path:
    assert checkPath "hasStorePathPrefix" "given" path;
    let
      d = deconstruct path;
      n = length storeParts;
      name = builtins.elemAt d.parts n;
    in
    if take n d.parts == storeParts then
      length d.parts > n && match storeName name != null
    else
      # A path that was copied to the store is at the root of a file system of its own.
      d.parts != [ ] && match storeName (builtins.head d.parts) != null;

  subpath = {
    /**
      Whether a string is a relative path without "..".
    */
    isValid = value: problem value == null;

    /**
      Joins subpaths.
    */
    join =
      subpaths:
      render (
        concatMap (
          sub:
          if problem sub == null then
            components sub
          else
            throw ''
              lib.path.subpath.join: Element is not a valid subpath string:
                  ${problem sub}''
        ) subpaths
      );

    /**
      The components of a subpath.
    */
    components =
      sub:
      assert assertMsg (problem sub == null) ''
        lib.path.subpath.components: Argument is not a valid subpath string:
            ${problem sub}'';
      components sub;

    /**
      A subpath in canonical form.
    */
    normalise =
      sub:
      assert assertMsg (problem sub == null) ''
        lib.path.subpath.normalise: Argument is not a valid subpath string:
            ${problem sub}'';
      render (components sub);
  };
}
