# `derivation`: a lazy front of `derivationStrict`, which does its work only once a path is needed.
#
# The result is the first output as a set: the attributes given, one such set per output, and what
# makes each of them a derivation.
attributes@{ outputs ? [ "out" ], ... }:

let
  instantiated = derivationStrict attributes;

  # Alike in all outputs. Refers to the outputs, which refer to it: the sets are cyclic.
  common =
    attributes
    // builtins.listToAttrs byOutput
    // {
      all = map (output: output.value) byOutput;
      drvAttrs = attributes;
    };

  byOutput = map (outputName: {
    name = outputName;
    value = common // {
      outPath = builtins.getAttr outputName instantiated;
      drvPath = instantiated.drvPath;
      type = "derivation";
      inherit outputName;
    };
  }) outputs;
in
(builtins.head byOutput).value
