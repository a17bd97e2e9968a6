# Trivial builders: files, scripts, trees, and commands run by the host's shell.
{
  lib,
  native,
  host,
  hostCC,
  runHostCC,
}:
let
  inherit (builtins) isAttrs isString;
  bash = host.packages.bash;
  runtimeShell = "${bash}/bin/bash";

  sanitize = lib.strings.sanitizeDerivationName;

  writeTextFile =
    {
      name ? pname,
      pname ? name,
      text,
      executable ? false,
      destination ? "",
      # Checks need programs; without a sandboxed shell at hand there is nothing to run them with.
      checkPhase ? "",
      meta ? { },
      passthru ? { },
      allowSubstitutes ? false,
      preferLocalBuild ? true,
      derivationArgs ? { },
    }:
    native.writeFile {
      name = sanitize name;
      inherit
        text
        executable
        destination
        passthru
        ;
      meta = lib.optionalAttrs (executable && lib.hasPrefix "/bin/" destination) {
        mainProgram = lib.removePrefix "/bin/" destination;
      }
      // meta;
    };

  script = interpreter: text: "#!${interpreter}\n${text}\n";

  # Commands of a build script, from the host: a shell and the core utilities.
  runScript =
    name: attrs: text:
    if hostCC.available then
      runHostCC name attrs text
    else
      native.package (
        {
          inherit name;
          system = builtins.currentSystem or "x86_64-linux";
          builder = "/bin/sh";
          args = [
            "-e"
            "-c"
            text
          ];
          PATH = "/usr/bin:/bin";
          __impureHostDeps = builtins.filter builtins.pathExists [
            "/bin"
            "/lib"
            "/lib64"
            "/usr/bin"
            "/usr/lib"
          ];
        }
        // attrs
      );
in
{
  inherit runtimeShell writeTextFile;

  ## Files

  /**
    A file with a text.
  */
  writeText =
    name: text:
    writeTextFile {
      inherit name;
      text = if isString text then text else toString text;
    };

  /**
    A directory with a text file at a path below it.
  */
  writeTextDir =
    path: text:
    writeTextFile {
      name = baseNameOf path;
      destination = "/${path}";
      inherit text;
    };

  /**
    An executable file with a text.
  */
  writeScript =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
    };

  /**
    An executable file in `bin/`.
  */
  writeScriptBin =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
      destination = "/bin/${name}";
    };

  /**
    A script for bash.
  */
  writeShellScript =
    name: text:
    writeTextFile {
      inherit name;
      text = script runtimeShell text;
      executable = true;
    };

  /**
    A script for bash in `bin/`.
  */
  writeShellScriptBin =
    name: text:
    writeTextFile {
      inherit name;
      text = script runtimeShell text;
      executable = true;
      destination = "/bin/${name}";
    };

  /**
    A script for bash in `bin/` that stops at errors and has the programs of packages in its path.
  */
  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      runtimeEnv ? null,
      inheritPath ? true,
      meta ? { },
      passthru ? { },
      checkPhase ? null,
      excludeShellChecks ? [ ],
      extraShellCheckFlags ? [ ],
      bashOptions ? [
        "errexit"
        "nounset"
        "pipefail"
      ],
      derivationArgs ? { },
    }:
    writeTextFile {
      inherit name meta passthru;
      executable = true;
      destination = "/bin/${name}";
      text =
        script runtimeShell (
          lib.concatMapStrings (option: "set -o ${option}\n") bashOptions
          + lib.optionalString (runtimeEnv != null) (
            lib.concatStrings (
              lib.mapAttrsToList (n: v: "${lib.toShellVar n v}\nexport ${n}\n") runtimeEnv
            )
          )
          + lib.optionalString (runtimeInputs != [ ]) ''
            export PATH="${lib.makeBinPath runtimeInputs}${lib.optionalString inheritPath ":$PATH"}"
          ''
          + "\n"
          + text
        );
    };

  ## Trees

  /**
    One tree of the files of packages, as symlinks.
  */
  symlinkJoin =
    {
      name ? "${pname}-${version}",
      pname ? throw "symlinkJoin needs a name",
      version ? "",
      paths,
      stripPrefix ? "",
      postBuild ? "",
      meta ? { },
      passthru ? { },
      ...
    }:
    if postBuild != "" || stripPrefix != "" then
      throw "symlinkJoin of the embedded package set has no `postBuild` and `stripPrefix`: its builder runs no shell"
    else
      native.buildEnv {
        inherit
          name
          paths
          meta
          passthru
          ;
      };

  /**
    As `symlinkJoin`; what is not linked cannot be chosen, everything is.
  */
  buildEnv =
    {
      name,
      paths,
      manifest ? "",
      meta ? { },
      passthru ? { },
      ...
    }:
    native.buildEnv {
      inherit
        name
        paths
        manifest
        meta
        passthru
        ;
    };

  /**
    A directory of symlinks, from a list of `{ name; path; }` or a set of paths.
  */
  linkFarm =
    name: entries:
    native.linkTree {
      inherit name;
      entries =
        map
          (entry: {
            path = entry.name;
            target = "${entry.path}";
            mode = "symlink";
          })
          (
            if isAttrs entries then
              lib.mapAttrsToList (name: path: { inherit name path; }) entries
            else
              entries
          );
    };

  /**
    As `linkFarm`, the names being those of the packages.
  */
  linkFarmFromDrvs =
    name: packages:
    native.linkTree {
      inherit name;
      entries = map (pkg: {
        path = pkg.name;
        target = "${pkg}";
        mode = "symlink";
      }) packages;
    };

  ## Commands

  /**
    The result of a shell script that writes $out.
  */
  runCommand = runScript;

  /**
    As `runCommand`.
  */
  runCommandLocal = runScript;

  /**
    As `runCommand`, with the compiler of the host as $CC.
  */
  runCommandCC = runHostCC;

  /**
    A derivation of phases given as shell scripts. There are no default phases beyond unpacking `src`.
  */
  mkDerivation =
    argument:
    let
      attrs = if lib.isFunction argument then lib.fix argument else argument;
      name = attrs.name or "${attrs.pname}-${attrs.version or "0"}";
      phases = [
        "preConfigure"
        "configurePhase"
        "postConfigure"
        "preBuild"
        "buildPhase"
        "postBuild"
        "preInstall"
        "installPhase"
        "postInstall"
      ];
      given = builtins.filter (phase: attrs ? ${phase}) phases;
      unpack = lib.optionalString (attrs ? src && !(attrs.dontUnpack or false)) ''
        if [ -d "$src" ]; then cp -r "$src" source; chmod -R u+w source; cd source
        else cp "$src" .; fi
      '';
      text =
        attrs.buildCommand or (
          if attrs ? installPhase then
            unpack + lib.concatMapStrings (phase: attrs.${phase} + "\n") given
          else
            throw "${name}: stdenv of the embedded package set has no default phases: give an `installPhase` or a `buildCommand`"
        );
      forBuild = removeAttrs attrs (
        phases
        ++ [
          "meta"
          "passthru"
          "buildInputs"
          "nativeBuildInputs"
          "propagatedBuildInputs"
          "buildCommand"
        ]
      );
      drv = (if hostCC.available then runHostCC else runScript) name (
        forBuild
        // {
          meta = attrs.meta or { };
          passthru = (attrs.passthru or { }) // lib.optionalAttrs (attrs ? pname) { inherit (attrs) pname; };
        }
      ) text;
    in
    drv;
}
