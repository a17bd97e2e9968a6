# Derivations as values.
{ lib }:
let
  inherit (lib) genAttrs throwIfNot;
in
{
  inherit (builtins) unsafeDiscardOutputDependency;

  /**
    Makes a context that stands for a derivation alone stand for all its outputs too.
  */
  addDrvOutputDependencies = builtins.addDrvOutputDependencies or lib.id;

  /**
    A derivation of which name, outputs and meta are known before it is evaluated.
  */
  lazyDerivation =
    {
      derivation ? throw "lazyDerivation: no derivation was given",
      meta ? null,
      passthru ? { },
      outputs ? [ "out" ],
    }@args:
    let
      checked =
        throwIfNot (derivation.type or null == "derivation")
          "lazyDerivation: input must be a derivation."
          throwIfNot
          (
            args ? outputs || derivation.outputs == [ "out" ]
          )
          "lazyDerivation: derivation ${derivation.name or "<unknown>"} has outputs other than \"out\"; pass `outputs`."
          derivation;
    in
    {
      type = "derivation";
      inherit (checked)
        drvPath
        name
        outPath
        outputName
        system
        ;
      inherit outputs;
      meta = args.meta or checked.meta or { };
    }
    // genAttrs outputs (name: checked.${name})
    // passthru;

  /**
    The value if the condition holds, else null, which derivations leave out.
  */
  optionalDrvAttr = condition: value: if condition then value else null;

  /**
    A derivation that prints a warning when it is instantiated.
  */
  warnOnInstantiate =
    message: drv:
    let
      lazy = removeAttrs drv [
        "drvAttrs"
        "name"
        "type"
      ];
    in
    drv // builtins.mapAttrs (_: lib.warn message) (lib.filterAttrs (n: _: builtins.elem n [ "drvPath" "outPath" ]) lazy);
}
