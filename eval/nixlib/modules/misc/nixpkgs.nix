# The package set that modules get as `pkgs`.
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.nixpkgs;

  system =
    if cfg.hostPlatform == null then
      cfg.system
    else if builtins.isString cfg.hostPlatform then
      cfg.hostPlatform
    else
      cfg.hostPlatform.system or (throw "nixpkgs.hostPlatform has no attribute `system`");

  # Settings from several modules: those that are sets or lists are joined.
  configType = lib.mkOptionType {
    name = "nixpkgs-config";
    description = "nixpkgs config";
    check = x: builtins.isAttrs x || lib.isFunction x;
    merge =
      _: defs:
      let
        plain = value: if lib.isFunction value then value { inherit (cfg) pkgs; } else value;
      in
      builtins.foldl' lib.recursiveUpdate { } (map (def: plain def.value) defs);
  };
in
{
  imports = [
    (lib.mkRenamedOptionModule [ "nixpkgs" "localSystem" "system" ] [ "nixpkgs" "system" ])
  ];

  options.nixpkgs = {
    pkgs = mkOption {
      type = types.pkgs;
      defaultText = lib.literalExpression "import <nixpkgs> { inherit (config.nixpkgs) system config overlays; }";
      example = lib.literalExpression "import <nixpkgs> { }";
      description = ''
        The package set. Setting it makes `nixpkgs.config` and `nixpkgs.hostPlatform` meaningless, which
        is refused; overlays still apply.
      '';
    };

    config = mkOption {
      type = configType;
      default = { };
      example = lib.literalExpression "{ allowUnfree = true; }";
      description = "Settings of the package set, which packages find as `pkgs.config`.";
    };

    overlays = mkOption {
      type = types.listOf (
        lib.mkOptionType {
          name = "nixpkgs-overlay";
          description = "nixpkgs overlay";
          check = lib.isFunction;
          merge = lib.mergeOneOption;
        }
      );
      default = [ ];
      example = lib.literalExpression "[ (final: prev: { motd = final.writeText \"motd\" \"hello\"; }) ]";
      description = ''
        Functions of the final and the previous package set that add to it or change it, in order.
      '';
    };

    system = mkOption {
      type = types.str;
      example = "aarch64-linux";
      description = ''
        Kind of machine that the system is for. `nixpkgs.hostPlatform` takes precedence.
      '';
    };

    hostPlatform = mkOption {
      type = types.nullOr (types.either types.str types.attrs);
      default = null;
      example = "x86_64-linux";
      description = ''
        Platform that the system will run on. If null, it is the one that `nixpkgs.system` names.
      '';
    };
  };

  config = {
    nixpkgs.pkgs = lib.mkOptionDefault (
      import ../../pkgs {
        inherit lib system;
        inherit (cfg) config;
      }
    );

    _module.args.pkgs = lib.mkOptionDefault (
      if cfg.overlays == [ ] then cfg.pkgs else cfg.pkgs.appendOverlays cfg.overlays
    );

    assertions = [
      {
        assertion =
          options.nixpkgs.pkgs.highestPrio >= (lib.mkOptionDefault null).priority || cfg.config == { };
        message = ''
          You set both `nixpkgs.pkgs` and `nixpkgs.config`. Settings have no effect on a package set that
          is there already: give them where you import it.
        '';
      }
    ];
  };
}
