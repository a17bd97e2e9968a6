# The embedded package set: trivial builders that need no shell, programs of the host, and placeholders
# for the names that configurations use most. What is behind a name is never silent: see host.nix.
{
  lib ? import ../lib,
  system ? localSystem.system or (builtins.currentSystem or "x86_64-linux"),
  localSystem ? { },
  config ? { },
  overlays ? [ ],
}:
let
  platform = lib.systems.elaborate system;

  base =
    final:
    let
      native = import ./native.nix { inherit lib; };
      host = import ./host.nix {
        inherit lib native;
        programs = import ./host-programs.nix;
      };
      compiler = import ./host-cc.nix { inherit lib native; };
      builders = import ./builders.nix {
        inherit lib native host;
        inherit (compiler) hostCC runHostCC;
      };
    in
    # Placeholders first: everything real lies over them.
    lib.genAttrs (import ./catalogue.nix) host.missingPackage
    // host.packages
    // {
      inherit lib config system;
      _type = "pkgs";
      inherit (lib) recurseIntoAttrs;

      stdenv = {
        inherit (builders) mkDerivation;
        inherit system;
        hostPlatform = platform;
        buildPlatform = platform;
        targetPlatform = platform;
        isLinux = platform.isLinux;
        isDarwin = platform.isDarwin;
        cc = final.hostCC;
        shell = builders.runtimeShell;
      };
      stdenvNoCC = final.stdenv;
      inherit (final.stdenv) hostPlatform buildPlatform targetPlatform;

      callPackage = final.newScope { };
      callPackages = lib.callPackagesWith final;
      newScope = extra: lib.callPackageWith (final // extra);
      pkgs = final;

      inherit (compiler) compileC hostCC runHostCC;
      inherit (builders)
        buildEnv
        linkFarm
        linkFarmFromDrvs
        runCommand
        runCommandCC
        runCommandLocal
        runtimeShell
        symlinkJoin
        writeScript
        writeScriptBin
        writeShellApplication
        writeShellScript
        writeShellScriptBin
        writeText
        writeTextDir
        writeTextFile
        ;

      formats = import ./formats.nix {
        inherit lib;
        inherit (builders) writeText;
      };

      /**
        A tree of files and symlinks from a list of entries, see native.nix.
      */
      inherit (native) linkTree;

      /**
        Host programs and missing packages of a list of packages.
      */
      hostPrograms = { inherit (host) programsOf missingOf; };

      bashInteractiveFHS = final.bashInteractive;
      runtimeShellPackage = final.bash;
      coreutils-full = final.coreutils;
      linuxPackages = { kernel = final.linux; };
      linuxPackages_latest = final.linuxPackages;
      linuxPackages_hardened = final.linuxPackages;
      linuxPackages_zen = final.linuxPackages;
      linux = host.missingPackage "linux";

      fetchurl =
        {
          url ? builtins.head urls,
          urls ? [ ],
          name ? baseNameOf (toString url),
          hash ? "",
          sha256 ? "",
          sha512 ? "",
          executable ? false,
          ...
        }:
        native.fetchUrl {
          inherit
            name
            url
            hash
            executable
            ;
          outputHash = if sha256 != "" then sha256 else sha512;
          outputHashAlgo = if sha256 != "" then "sha256" else "sha512";
        };
      fetchzip =
        {
          url,
          hash ? "",
          sha256 ? hash,
          ...
        }:
        builtins.fetchTarball { inherit url sha256; };
      fetchFromGitHub =
        {
          owner,
          repo,
          rev ? tag,
          tag ? "HEAD",
          hash ? "",
          sha256 ? hash,
          ...
        }:
        builtins.fetchTarball {
          url = "https://github.com/${owner}/${repo}/archive/${rev}.tar.gz";
          inherit sha256;
        };

      /**
        This package set with one more overlay.
      */
      appendOverlays = extra: make (overlays ++ extra);
      extend = overlay: make (overlays ++ [ overlay ]);
    };

  make = layers: lib.fix (builtins.foldl' (f: overlay: lib.extends overlay f) base layers);
in
make overlays
