# What a configuration may demand of itself, and what it warns of.
{ lib, ... }:
{
  options = {
    assertions = lib.mkOption {
      type = lib.types.listOf lib.types.unspecified;
      internal = true;
      default = [ ];
      example = [
        {
          assertion = false;
          message = "you can't enable this for that reason";
        }
      ];
      description = ''
        Conditions that must hold for the system to be built, each a set of `assertion`, a boolean, and
        `message`, the text that is shown when it is false.
      '';
    };

    warnings = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      internal = true;
      default = [ ];
      example = [ "The `foo' service is deprecated and will go away soon!" ];
      description = "Texts that are shown whenever the system is evaluated.";
    };
  };
}
