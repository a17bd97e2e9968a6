# Choosing which files of a source tree count.
{ lib }:
let
  inherit (builtins)
    match
    pathExists
    readFile
    storeDir
    ;
  inherit (lib)
    any
    hasSuffix
    removePrefix
    ;

  # A source with its filter, whether it was filtered before or not.
  toSource =
    src:
    if src ? _isLibCleanSourceWith then
      {
        inherit (src) origSrc name filter;
      }
    else
      {
        origSrc = src;
        name = "source";
        filter = _: _: true;
      };

  fromSource =
    {
      origSrc,
      name,
      filter,
    }:
    {
      inherit origSrc name filter;
      outPath = builtins.path {
        inherit filter name;
        path = origSrc;
      };
      _isLibCleanSourceWith = true;
    };

  # The commit that a .git directory or file says is checked out.
  commitOf =
    git:
    let
      head = lib.fileContents (git + "/HEAD");
      ref = match "ref: (.*)" head;
      refName = lib.head ref;
      packed = lib.optionalString (pathExists (git + "/packed-refs")) (readFile (git + "/packed-refs"));
      found = match ".*\n([0-9a-f]{40}) ${lib.escapeRegex refName}\n.*" ("\n" + packed);
      link = match "gitdir: (.*)\n?" (readFile git);
      common = git + "/commondir";
      base = if pathExists common then git + "/${lib.fileContents common}" else git;
    in
    if lib.pathIsRegularFile git then
      if link == null then
        { error = "File contains no gitdir reference: ${toString git}"; }
      else
        let
          target = lib.head link;
        in
        commitOf (if lib.hasPrefix "/" target then /. + target else dirOf git + "/${target}")
    else if !pathExists (git + "/HEAD") then
      { error = "Not a .git directory: ${toString git}"; }
    else if ref == null then
      { value = head; }
    else if pathExists (base + "/${refName}") then
      { value = lib.fileContents (base + "/${refName}"); }
    else if found != null then
      { value = lib.head found; }
    else
      { error = "Could not find ${refName} in packed-refs of ${toString git}"; };
in
{
  inherit (builtins) filterSource;

  /**
    Whether a path is (the top of) a git repository.
  */
  pathIsGitRepo = path: !(commitOf path ? error);

  /**
    The commit that is checked out, from a .git path.
  */
  commitIdFromGitRepo =
    path:
    let
      found = commitOf path;
    in
    found.value or (throw found.error);

  /**
    Filter that drops version control, editors' backups, object files and results of builds.
  */
  cleanSourceFilter =
    path: type:
    let
      name = baseNameOf (toString path);
      isVersionControl = builtins.elem name [
        ".git"
        ".svn"
        "CVS"
        ".hg"
        ".jj"
        ".pijul"
        "_darcs"
      ];
    in
    !(
      isVersionControl
      || hasSuffix "~" name
      || match "\\.sw[a-z]" name != null
      || match "\\..*\\.sw[a-z]" name != null
      || hasSuffix ".o" name
      || hasSuffix ".so" name
      || (type == "symlink" && lib.hasPrefix "result" name)
      || type == "unknown"
    );

  /**
    A source without what `cleanSourceFilter` drops.
  */
  cleanSource =
    src:
    lib.cleanSourceWith {
      filter = lib.cleanSourceFilter;
      inherit src;
    };

  /**
    A source with a filter; filters of filtered sources add up.
  */
  cleanSourceWith =
    {
      filter ? (_: _: true),
      src,
      name ? null,
    }:
    let
      orig = toSource src;
    in
    fromSource {
      inherit (orig) origSrc;
      filter = path: type: filter path type && orig.filter path type;
      name = if name == null then orig.name else name;
    };

  /**
    A source that prints what its filter decides.
  */
  trace =
    src:
    let
      orig = toSource src;
    in
    fromSource (
      orig
      // {
        filter =
          path: type:
          let
            keep = orig.filter path type;
          in
          builtins.trace "${baseNameOf orig.origSrc}.filter ${path} = ${lib.boolToString keep}" keep;
      }
    );

  /**
    The files of a source whose paths, below its top, match one of several regular expressions.
  */
  sourceByRegex =
    src: regexes:
    let
      isFiltered = src ? _isLibCleanSourceWith;
      top = toString (if isFiltered then src.origSrc else src);
    in
    lib.cleanSourceWith {
      filter =
        path: _:
        let
          below = removePrefix (top + "/") (toString path);
        in
        any (re: match re below != null) regexes;
      inherit src;
    };

  /**
    The directories of a source and the files with one of several endings.
  */
  sourceFilesBySuffices =
    src: suffixes:
    lib.cleanSourceWith {
      filter =
        name: type: type == "directory" || any (suffix: hasSuffix suffix (baseNameOf name)) suffixes;
      inherit src;
    };

  /**
    Whether a source comes from a derivation.
  */
  pathHasContext = builtins.hasContext or (lib.hasPrefix storeDir);

  /**
    Whether a source can be filtered.
  */
  canCleanSource = src: src ? _isLibCleanSourceWith || !lib.pathHasContext (toString src);

  /**
    A tag if there is one, else the revision.
  */
  revOrTag =
    rev: tag:
    if tag != null then
      tag
    else if rev != null then
      rev
    else
      "HEAD";

  /**
    Name of a source from repository and revision.
  */
  repoRevToName =
    kind: repo: rev:
    if kind == "source" then
      "source"
    else
      "${lib.removeSuffix ".git" (baseNameOf repo)}-${
        builtins.substring 0 8 (lib.last (lib.splitString "/" rev))
      }-source";
}
