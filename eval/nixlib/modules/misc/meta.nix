# Facts about modules, for people who read them.
{ lib, ... }:
{
  options.meta = {
    maintainers = lib.mkOption {
      type = lib.types.listOf lib.types.raw;
      default = [ ];
      internal = true;
      example = lib.literalExpression "[ lib.maintainers.alice ]";
      description = "Who looks after the modules of this configuration.";
    };

    doc = lib.mkOption {
      type = lib.types.listOf lib.types.raw;
      default = [ ];
      internal = true;
      apply = builtins.filter (page: page != null);
      description = "Pages of documentation that the modules come with.";
    };
  };
}
