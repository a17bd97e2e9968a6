# The C compiler of the host, as a declared impurity.
#
# A derivation that uses it says so: `__impureHostDeps` are the paths of the host that the sandbox
# makes visible, read-only, and `hostCompilerVersion`, `hostCompilerHash` and `hostLibcVersion` are
# attributes, so that another compiler makes another store path. No program runs to find them out.
{ lib, native }:
let
  inherit (builtins)
    attrNames
    compareVersions
    concatMap
    elemAt
    filter
    head
    match
    pathExists
    readDir
    readFile
    sort
    ;

  entries = directory: if pathExists directory then attrNames (readDir directory) else [ ];
  existing = filter pathExists;

  # Installations of GCC: /usr/lib/gcc/TARGET/VERSION with the compiler proper inside.
  installations = concatMap (
    root:
    concatMap (
      target:
      concatMap (
        version:
        let
          directory = "${root}/${target}/${version}";
          drivers = existing [
            "/usr/bin/${target}-gcc-${version}"
            "/usr/bin/gcc-${version}"
            "/usr/bin/${target}-gcc"
            "/usr/bin/gcc"
          ];
        in
        lib.optional (drivers != [ ] && pathExists "${directory}/cc1") {
          inherit
            target
            version
            root
            directory
            ;
          driver = head drivers;
        }
      ) (entries "${root}/${target}")
    ) (entries root)
  ) (existing [ "/usr/lib/gcc" "/usr/lib64/gcc" "/usr/libexec/gcc" ]);

  newest = head (sort (a: b: compareVersions a.version b.version > 0) installations);

  available = !lib.inPureEvalMode && installations != [ ];

  compiler =
    if lib.inPureEvalMode then
      throw "the C compiler of the host cannot be used in pure evaluation"
    else if installations == [ ] then
      throw "no GCC was found below /usr/lib/gcc: install one (Debian: apt install gcc libc6-dev) or take the program from another package set"
    else
      newest;

  # Version of the C library, which ends up in statically linked programs.
  libcVersion =
    let
      header = "/usr/include/features.h";
      found = match ".*#define[ \t]+__GLIBC__[ \t]+([0-9]+)\n.*__GLIBC_MINOR__[ \t]+([0-9]+)\n.*" (
        readFile header
      );
    in
    if !pathExists header || found == null then
      "unknown"
    else
      "${elemAt found 0}.${elemAt found 1}";

  shell = "/bin/sh";

  # What compiling, linking and a build script in shell need.
  dependencies =
    let
      program = name: head (existing [ "/usr/bin/${name}" "/bin/${name}" ] ++ [ "/usr/bin/${name}" ]);
    in
    lib.unique (
      existing (
        [ shell ]
        ++ map program [ "as" "ld" "ar" "ranlib" "strip" "mkdir" "cp" "install" "cat" "chmod" "ln" "rm" ]
        ++ [
          compiler.driver
          compiler.root
          "/usr/include"
          "/usr/lib/${compiler.target}"
          "/lib/${compiler.target}"
          # Where the dynamic loader lies, for the tools themselves.
          "/lib64"
          "/lib/ld-linux-aarch64.so.1"
        ]
      )
    );

  /**
    A derivation whose build script, in POSIX shell, may call the compiler as $CC.
  */
  runHostCC =
    name: attrs: script:
    native.package (
      {
        inherit name;
        system = builtins.currentSystem or "x86_64-linux";
        builder = shell;
        args = [
          "-e"
          "-c"
          script
        ];
        PATH = "/usr/bin:/bin";
        CC = compiler.driver;
        __impureHostDeps = dependencies;
        hostCompilerVersion = "${compiler.target} ${compiler.version}";
        hostCompilerHash = builtins.hashFile "sha256" compiler.driver;
        hostLibcVersion = libcVersion;
      }
      // attrs
    );
in
{
  inherit runHostCC;

  /**
    The compiler: `available`, and if so `target`, `version`, `driver`, `dependencies`.
  */
  hostCC = {
    inherit available dependencies;
    inherit (compiler) target version driver;
  };

  /**
    A program from one or several C files, as $out/bin/NAME.
  */
  compileC =
    {
      name,
      # A file, or a list of files.
      src,
      static ? true,
      flags ? [ "-O2" "-Wall" ],
      libraries ? [ ],
      meta ? { },
    }:
    runHostCC name
      {
        sources = map (file: "${file}") (lib.toList src);
        flags = flags ++ lib.optional static "-static";
        libraries = map (library: "-l${library}") libraries;
        programName = name;
        meta = {
          mainProgram = name;
          description = "${name}, compiled with the compiler of the host";
        }
        // meta;
      }
      ''
        mkdir -p "$out/bin"
        $CC $flags -o "$out/bin/$programName" $sources $libraries
      '';
}
