# What the source of a package is, for `meta.sourceProvenance`.
{ lib }:
let
  type = shortName: isSource: { inherit shortName isSource; };
in
lib.genAttrs [
  "binaryBytecode"
  "binaryFirmware"
  "binaryNativeCode"
  "fromSource"
  "obfuscatedCode"
] (name: type name (name == "fromSource"))
