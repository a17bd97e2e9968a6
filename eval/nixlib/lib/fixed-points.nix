# Recursive sets and how to extend them.
{ lib }:
let
  inherit (lib) isFunction;
in
{
  /**
    The value that a function of itself describes.
  */
  fix =
    f:
    let
      x = f x;
    in
    x;

  /**
    As `fix`, and keeps the function as `__unfix__`.
  */
  fix' =
    f:
    let
      x = f x // {
        __unfix__ = f;
      };
    in
    x;

  /**
    Applies a function until its result no longer changes.
  */
  converge =
    f: x:
    let
      next = f x;
    in
    if next == x then x else lib.converge f next;

  /**
    Lays an overlay (`final: prev: { … }`) over a function of itself.
  */
  extends =
    overlay: f: final:
    let
      prev = f final;
    in
    prev // overlay final prev;

  /**
    One overlay that does the work of two, the first one below.
  */
  composeExtensions =
    f: g: final: prev:
    let
      first = f final prev;
    in
    first // g final (prev // first);

  /**
    One overlay that does the work of a list of them, the first one lowest.
  */
  composeManyExtensions = lib.foldr lib.composeExtensions (_: _: { });

  /**
    A recursive set with a function `extend` that takes an overlay.
  */
  makeExtensible = lib.makeExtensibleWithCustomName "extend";

  /**
    A recursive set whose extending function has the given name.
  */
  makeExtensibleWithCustomName =
    name: rattrs:
    lib.fix' (
      self:
      (rattrs self)
      // {
        ${name} = f: lib.makeExtensibleWithCustomName name (lib.extends f rattrs);
      }
    );

  /**
    Makes an overlay of a set, of `prev: { … }` or of an overlay.
  */
  toExtension =
    f:
    if isFunction f then
      final: prev:
      let
        result = f prev;
      in
      if isFunction result then f final prev else result
    else
      _: _: f;
}
