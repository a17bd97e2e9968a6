# `<nixpkgs>` of the embedded set: `import <nixpkgs> { }` is the package set, with the library as `lib`.
{
  system ? null,
  localSystem ? null,
  crossSystem ? null,
  config ? { },
  overlays ? [ ],
  crossOverlays ? [ ],
}:
if crossSystem != null || crossOverlays != [ ] then
  throw "the embedded package set does not cross-compile"
else
  import ./pkgs (
    {
      config = if builtins.isFunction config then config { } else config;
      inherit overlays;
    }
    // (if system != null then { inherit system; } else { })
    // (
      if localSystem == null then
        { }
      else if builtins.isString localSystem then
        { system = localSystem; }
      else
        { inherit localSystem; }
    )
  )
