# Packages that are not built here: programs of the host, and names that are known but have nothing
# behind them.
#
# A host package is a tree of symlinks `bin/PROGRAM` to where the host has the program, or would have
# it. So that a switch can tell which programs a system takes from its host, the tree also has a file
# `nivis-host-programs/PACKAGE` with a line "PROGRAM PATH" for each. A missing package has a file
# `nivis-missing-packages/PACKAGE` instead, and no programs.
{
  lib,
  native,
  programs,
}:
let
  inherit (builtins) concatMap head pathExists;

  # Directories of programs, in the order in which they are tried.
  directories = [
    "/usr/bin"
    "/bin"
    "/usr/sbin"
    "/sbin"
    "/usr/local/bin"
    "/usr/local/sbin"
    "/run/current-system/sw/bin"
  ];

  # Pure evaluation sees no host, then the usual place has to do.
  exists = if lib.inPureEvalMode then (_: false) else pathExists;

  /**
    Path of a program on the host, given where it usually is.
  */
  locate =
    usual: program:
    let
      candidates = map (directory: "${directory}/${program}") ([ usual ] ++ directories);
    in
    lib.findFirst exists (head candidates) candidates;

  # "sbin/x" usually lies in /usr/sbin, other programs in /usr/bin.
  describe =
    program:
    let
      isAdmin = lib.hasPrefix "sbin/" program;
      name = lib.removePrefix "sbin/" program;
    in
    {
      inherit name;
      path = locate (if isAdmin then "/usr/sbin" else "/usr/bin") name;
    };

  meta = pname: attrs: {
    description = "${pname} of the host";
    # What is built here wins over it.
    priority = 10;
    platforms = lib.platforms.all;
    license = lib.licenses.free;
  }
  // attrs;

  hostPackage =
    pname: names:
    let
      found = map describe names;
      text = lib.concatMapStrings (p: "${p.name} ${p.path}\n") found;
    in
    native.linkTree {
      name = "host-${pname}";
      entries =
        map (p: {
          path = "bin/${p.name}";
          target = p.path;
          mode = "symlink";
        }) found
        ++ [
          {
            path = "nivis-host-programs/${pname}";
            inherit text;
            mode = "0644";
          }
        ];
      meta = meta pname { mainProgram = (head found).name; };
      passthru = {
        inherit pname;
        version = "host";
        hostPrograms = found;
        override = _: hostPackage pname names;
      }
      // lib.optionalAttrs (builtins.elem pname shells) {
        shellPath = "/bin/${(head found).name}";
      };
    };

  shells = [
    "bash"
    "bashInteractive"
    "dash"
    "fish"
    "zsh"
    "nushell"
  ];

  missingPackage =
    pname:
    native.linkTree {
      name = "missing-${pname}";
      entries = [
        {
          path = "nivis-missing-packages/${pname}";
          text = ''
            ${pname} is not part of the embedded package set.
          '';
          mode = "0644";
        }
      ];
      meta = meta pname {
        description = "${pname}, which is not part of the embedded package set";
        mainProgram = pname;
        placeholder = true;
      };
      passthru = {
        inherit pname;
        version = "missing";
        isMissing = true;
        override = _: missingPackage pname;
        withPackages = _: missingPackage pname;
        withPlugins = _: missingPackage pname;
      }
      // lib.optionalAttrs (builtins.elem pname shells) { shellPath = "/bin/${pname}"; };
    };
in
{
  inherit hostPackage missingPackage;

  /**
    The packages of the host, by name.
  */
  packages = builtins.mapAttrs hostPackage programs;

  /**
    What a list of packages takes from the host: `{ package; program; path; }` each.
  */
  programsOf =
    packages:
    concatMap (
      pkg:
      map (p: {
        package = pkg.pname;
        program = p.name;
        inherit (p) path;
      }) (pkg.hostPrograms or [ ])
    ) packages;

  /**
    Names of the packages of a list that are missing.
  */
  missingOf = packages: map (pkg: pkg.pname) (builtins.filter (pkg: pkg.isMissing or false) packages);
}
