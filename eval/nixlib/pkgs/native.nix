# Derivations that need no shell, because the builder is part of nivis (or of any Nix).
#
# `builtin:buildenv` (any Nix has it): makes $out a tree of symlinks to the files of several
#   packages. Environment: `linksToHost`, "1" to keep links that lead out of the store (without ours,
#   they are left out as dangling); `derivations`, words "active priority numberOfOutputs out…" for each
#   package, lower priority winning over higher; `manifest`, a path that is linked as
#   $out/manifest.nix.
#
# `builtin:nivis-write-file`: writes one file. Environment:
#   `text`         its content, byte for byte;
#   `executable`   "1" for mode 0555, "" for 0444;
#   `destination`  "" for the file to be $out, or a path such as "/bin/x" for it to be $out/bin/x.
#
# `builtin:nivis-link-tree`: makes $out a directory. It has structured attributes, of which
#   `entries`      is a list of `{ path; target; }` or `{ path; text; mode; }`: `path` is relative to
#                  $out, without "..", and no path may be below another that is not a directory. With
#                  `target`, a symlink with exactly that text; with `text`, a regular file of that
#                  content, mode "0644" for an ordinary and "0755" for an executable one (the store
#                  makes that 0444 and 0555). `{ path; target; mode = "0644" or "0755"; }` copies the
#                  file at `target`. `mode = "symlink"` says what is meant anyway.
#                  An entry that comes later replaces an earlier one of the same path.
#
# All three run anywhere, so their system is "builtin", as that of `builtin:fetchurl`.
{ lib }:
let
  inherit (builtins) concatMap length removeAttrs;

  # Attributes that are about the package, not about its build.
  notForBuild = [
    "meta"
    "passthru"
  ];

  package =
    arguments:
    let
      drv = derivation (removeAttrs arguments notForBuild);
    in
    drv
    // (arguments.passthru or { })
    // {
      meta = {
        inherit (arguments) name;
        outputsToInstall = [ "out" ];
      }
      // arguments.meta or { };
      passthru = arguments.passthru or { };
      overrideAttrs = f: package (arguments // f arguments);
    };

  native =
    arguments:
    package (
      {
        system = "builtin";
        preferLocalBuild = true;
        allowSubstitutes = false;
      }
      // arguments
    );
in
{
  /**
    A derivation with `meta`, `passthru` and `overrideAttrs`.
  */
  inherit package;

  /**
    A file with the given text.
  */
  writeFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
      meta ? { },
      passthru ? { },
    }:
    native {
      inherit
        name
        text
        destination
        meta
        passthru
        ;
      executable = if executable then "1" else "";
      builder = "builtin:nivis-write-file";
    };

  /**
    A directory of the given entries.
  */
  linkTree =
    {
      name,
      entries,
      meta ? { },
      passthru ? { },
    }:
    native {
      inherit
        name
        entries
        meta
        passthru
        ;
      __structuredAttrs = true;
      builder = "builtin:nivis-link-tree";
    };

  /**
    A tree of symlinks to the files of packages, the first one winning where several have a file.
  */
  buildEnv =
    {
      name,
      paths,
      manifest ? "",
      meta ? { },
      passthru ? { },
    }:
    let
      # Distinct priorities: those of the packages count first, then the order.
      words =
        index: pkg:
        let
          outputs = map (output: pkg.${output} or pkg) (
            pkg.meta.outputsToInstall or [ (pkg.outputName or "out") ]
          );
        in
        [
          "true"
          (((pkg.meta.priority or lib.meta.defaultPriority) + 100) * 10000 + index)
          (length outputs)
        ]
        ++ outputs;
    in
    native {
      inherit
        name
        manifest
        meta
        passthru
        ;
      builder = "builtin:buildenv";
      linksToHost = "1";
      derivations = concatMap (x: x) (lib.imap0 words paths);
    };

  /**
    A file from the network, fixed by its hash.
  */
  fetchUrl =
    {
      name,
      url,
      hash ? "",
      outputHash ? "",
      outputHashAlgo ? "",
      executable ? false,
      unpack ? false,
    }:
    native (
      {
        inherit
          name
          url
          executable
          unpack
          ;
        builder = "builtin:fetchurl";
        urls = [ url ];
        outputHash = if hash != "" then hash else outputHash;
        outputHashMode = if unpack || executable then "recursive" else "flat";
        impureEnvVars = [
          "http_proxy"
          "https_proxy"
          "ftp_proxy"
          "all_proxy"
          "no_proxy"
        ];
      }
      # A hash in SRI form names its algorithm itself.
      // lib.optionalAttrs (hash == "") { inherit outputHashAlgo; }
    );
}
