# What importing a `.drv` file gives: the first output as a set, with all others in it.
#
# The argument has the derivation's path and name, the names of its outputs, and a path for each.
derivation@{ drvPath, name, outputs, ... }:

let
  common =
    builtins.listToAttrs byOutput
    // {
      all = map (output: output.value) byOutput;
      inherit drvPath name;
      type = "derivation";
    };

  byOutput = map (outputName: {
    name = outputName;
    value = common // {
      outPath = builtins.getAttr outputName derivation;
      inherit outputName;
    };
  }) outputs;
in
(builtins.head byOutput).value
