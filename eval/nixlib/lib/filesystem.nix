# Files and directories, as evaluation sees them.
{ lib }:
let
  inherit (builtins)
    attrNames
    isPath
    pathExists
    readDir
    toString
    ;
in
{
  inherit (builtins)
    baseNameOf
    dirOf
    hashFile
    isPath
    pathExists
    readDir
    readFile
    ;

  readFileType = lib.filesystem.pathType;

  /**
    Type of what lies at a path: "regular", "directory", "symlink" or "unknown".
  */
  pathType =
    builtins.readFileType or (
      path:
      if !pathExists path then
        abort "lib.filesystem.pathType: Path ${toString path} does not exist."
      else if dirOf path == path then
        "directory"
      else
        (readDir (dirOf path)).${baseNameOf path}
    );

  /**
    Whether a path exists and is a directory.
  */
  pathIsDirectory = path: pathExists path && lib.pathType path == "directory";

  /**
    Whether a path exists and is a regular file.
  */
  pathIsRegularFile = path: pathExists path && lib.pathType path == "regular";

  /**
    The nearest directory, from a file upwards, with an entry whose name a regular expression matches.
  */
  locateDominatingFile =
    pattern: file:
    let
      go =
        path:
        let
          names = attrNames (readDir path);
          found = builtins.filter (m: m != null) (map (builtins.match pattern) names);
          parent = dirOf path;
        in
        if found != [ ] then
          { inherit path; matches = found; }
        else if parent == path then
          null
        else
          go parent;
      base = if isPath file then file else /. + file;
    in
    if lib.pathIsDirectory base then go base else go (dirOf base);

  /**
    All regular files below a directory.
  */
  listFilesRecursive =
    let
      go =
        dir:
        lib.flatten (
          lib.mapAttrsToList (
            name: type: if type == "directory" then go (dir + "/${name}") else dir + "/${name}"
          ) (readDir dir)
        );
    in
    go;

  /**
    A set of packages from a directory of files `NAME.nix` and directories with a `package.nix`.
  */
  packagesFromDirectoryRecursive =
    {
      callPackage,
      directory,
      newScope ? (_: throw "packagesFromDirectoryRecursive: `newScope` is needed for nested scopes"),
      ...
    }@args:
    let
      own = directory + "/package.nix";
      entry =
        name: type:
        let
          path = directory + "/${name}";
        in
        if type == "directory" then
          {
            ${name} = lib.packagesFromDirectoryRecursive (args // { directory = path; });
          }
        else if type == "regular" && lib.hasSuffix ".nix" name then
          { ${lib.removeSuffix ".nix" name} = callPackage path { }; }
        else if type == "regular" then
          { }
        else
          throw "lib.filesystem.packagesFromDirectoryRecursive: Unsupported file type ${type} at path ${toString path}";
    in
    if pathExists own then
      callPackage own { }
    else if args ? newScope then
      lib.recurseIntoAttrs (
        lib.makeScope newScope (
          self:
          lib.concatMapAttrs (
            name: type:
            let
              path = directory + "/${name}";
            in
            if type == "directory" then
              {
                ${name} = lib.packagesFromDirectoryRecursive (
                  args
                  // {
                    inherit (self) callPackage newScope;
                    directory = path;
                  }
                );
              }
            else if type == "regular" && lib.hasSuffix ".nix" name then
              { ${lib.removeSuffix ".nix" name} = self.callPackage path { }; }
            else
              { }
          ) (readDir directory)
        )
      )
    else
      lib.concatMapAttrs entry (readDir directory);

  /**
    Resolves a directory to its default.nix.
  */
  resolveDefaultNix =
    x:
    if builtins.isString x && lib.hasSuffix "/" x then
      x + "default.nix"
    else if lib.isStringLike x && lib.pathIsDirectory x then
      x + "/default.nix"
    else
      x;
}
