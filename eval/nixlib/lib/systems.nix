# Platforms: names such as "x86_64-linux", and what they say.
{ lib }:
let
  inherit (builtins) elemAt filter split;

  words = {
    x86_64 = 64;
    aarch64 = 64;
    riscv64 = 64;
    powerpc64le = 64;
    s390x = 64;
    loongarch64 = 64;
    i686 = 32;
    armv6l = 32;
    armv7l = 32;
    riscv32 = 32;
  };

  families = {
    x86_64 = "x86";
    i686 = "x86";
    aarch64 = "arm";
    armv6l = "arm";
    armv7l = "arm";
    riscv64 = "riscv";
    riscv32 = "riscv";
    powerpc64le = "power";
    s390x = "s390";
    loongarch64 = "loongarch";
  };

  doubles = {
    linux = map (cpu: "${cpu}-linux") (builtins.attrNames words);
    darwin = [ "aarch64-darwin" "x86_64-darwin" ];
    freebsd = [ "i686-freebsd" "x86_64-freebsd" ];
    openbsd = [ "i686-openbsd" "x86_64-openbsd" ];
    netbsd = [ "i686-netbsd" "x86_64-netbsd" ];
    illumos = [ "x86_64-solaris" ];
    cygwin = [ "i686-cygwin" "x86_64-cygwin" ];
    windows = [ "i686-windows" "x86_64-windows" ];
  };
  all = lib.concatLists (builtins.attrValues doubles);
  withCpu = cpus: filter (s: builtins.elem (cpuOf s) cpus) all;
  cpuOf = system: elemAt (split "-" system) 0;
  kernelOf = system: elemAt (split "-" system) 2;
in
{
  doubles = doubles // {
    inherit all;
    none = [ ];
    unix = filter (s: !(builtins.elem (kernelOf s) [ "windows" ])) all;
    bsd = doubles.freebsd ++ doubles.openbsd ++ doubles.netbsd;
    x86_64 = withCpu [ "x86_64" ];
    i686 = withCpu [ "i686" ];
    x86 = withCpu [ "x86_64" "i686" ];
    aarch64 = withCpu [ "aarch64" ];
    aarch = withCpu [ "aarch64" "armv6l" "armv7l" ];
    arm = withCpu [ "armv6l" "armv7l" ];
    riscv = withCpu [ "riscv32" "riscv64" ];
  };

  /**
    Systems that flakes commonly offer packages for.
  */
  flakeExposed = [
    "x86_64-linux"
    "aarch64-linux"
    "x86_64-darwin"
    "aarch64-darwin"
    "i686-linux"
    "armv6l-linux"
    "armv7l-linux"
    "riscv64-linux"
    "x86_64-freebsd"
  ];

  /**
    A platform described: its parts and yes-or-no questions about it.
  */
  elaborate =
    description:
    let
      given = if builtins.isString description then { system = description; } else description;
      config = given.config or null;
      configParts = lib.splitString "-" config;
      system =
        given.system or (
          if config != null then
            "${elemAt configParts 0}-${elemAt configParts (if builtins.length configParts > 3 then 2 else 1)}"
          else
            throw "systems.elaborate: neither system nor config is given"
        );
      cpu = cpuOf system;
      kernel = kernelOf system;
      family = families.${cpu} or cpu;
      bits = words.${cpu} or 64;
      is = names: builtins.elem cpu names;
    in
    {
      inherit system;
      config =
        if kernel == "linux" then
          "${cpu}-unknown-linux-gnu"
        else if kernel == "darwin" then
          "${if cpu == "aarch64" then "arm64" else cpu}-apple-darwin"
        else
          "${cpu}-unknown-${kernel}";
      parsed = {
        _type = "system";
        cpu = {
          name = cpu;
          inherit bits family;
        };
        kernel = { name = kernel; };
      };
      linuxArch =
        {
          aarch64 = "arm64";
          armv6l = "arm";
          armv7l = "arm";
          i686 = "i386";
          riscv64 = "riscv";
          powerpc64le = "powerpc";
        }
        .${cpu} or cpu;
      isLinux = kernel == "linux";
      isDarwin = kernel == "darwin";
      isFreeBSD = kernel == "freebsd";
      isWindows = kernel == "windows";
      isUnix = kernel != "windows";
      isx86_64 = is [ "x86_64" ];
      isx86_32 = is [ "i686" ];
      isi686 = is [ "i686" ];
      isx86 = family == "x86";
      isAarch64 = is [ "aarch64" ];
      isAarch32 = is [ "armv6l" "armv7l" ];
      isAarch = family == "arm";
      isRiscV = family == "riscv";
      isRiscV64 = is [ "riscv64" ];
      is64bit = bits == 64;
      is32bit = bits == 32;
      isLittleEndian = !(is [ "s390x" ]);
      isBigEndian = is [ "s390x" ];
      isGnu = kernel == "linux";
      isMusl = false;
      isStatic = false;
      libc = if kernel == "linux" then "glibc" else if kernel == "darwin" then "libSystem" else "libc";
      canExecute = other: other.system == system;
    }
    // given
    // {
      inherit system;
    };

  /**
    Whether two platforms are the same but for functions.
  */
  equals =
    a: b:
    let
      data = lib.filterAttrs (_: v: !lib.isFunction v);
    in
    data a == data b;
}
