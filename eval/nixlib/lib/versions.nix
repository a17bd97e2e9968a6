# Version strings.
{ lib }:
let
  inherit (lib) concatStringsSep splitVersion take;
  part = i: v: builtins.elemAt (splitVersion v) i;
in
{
  inherit (builtins) compareVersions splitVersion;

  /**
    The first component of a version.
  */
  major = part 0;

  /**
    The second component of a version.
  */
  minor = part 1;

  /**
    The third component of a version.
  */
  patch = part 2;

  /**
    The first two components of a version.
  */
  majorMinor = v: concatStringsSep "." (take 2 (splitVersion v));

  /**
    A version cut or filled with zeros to n components.
  */
  pad =
    n: version:
    let
      release = builtins.head (lib.splitString "-" version);
      suffix = lib.removePrefix release version;
      parts = take n (splitVersion release);
    in
    concatStringsSep "." (parts ++ lib.replicate (n - builtins.length parts) "0") + suffix;
}
