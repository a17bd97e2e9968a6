# The option tree: declarations of all modules merged name by name, each option with its definitions.
{ lib }:
let
  inherit (builtins)
    all
    attrNames
    concatLists
    concatMap
    concatStringsSep
    filter
    foldl'
    head
    isAttrs
    length
    mapAttrs
    removeAttrs
    typeOf
    unsafeGetAttrPos
    zipAttrsWith
    ;
  inherit (lib)
    isOption
    showFiles
    showOption
    types
    ;
  inherit (lib.modules)
    evalOptionValue
    fixupOptionType
    mergeOptionDecls
    ;
  inherit (import ./properties.nix { inherit lib; }) pushDownProperties;
  messages = import ./messages.nix { inherit lib; };

  # Declarations of one module at one level, each with its file and position.
  declarationsOf =
    prefix: module:
    let
      subtree = module.options;
    in
    if isAttrs subtree then
      mapAttrs (name: options: {
        inherit (module) _file;
        inherit options;
        pos = unsafeGetAttrPos name subtree;
      }) subtree
    else
      throw ''
        An option declaration for `${concatStringsSep "." prefix}' has type
        `${typeOf subtree}' rather than an attribute set.
        Did you mean to define this outside of `options'?
      '';

  checkIsSet =
    prefix: c:
    let
      path = concatStringsSep "." prefix;
    in
    isAttrs c.config
    || throw ''
      In module `${c.file}', you're trying to define a value of type `${typeOf c.config}'
      rather than an attribute set for the option
      `${path}'!

      This usually happens if `${path}' has option definitions inside that are not matched.
      Please check how this option is to be defined.
    '';

  # An option tree below an option that is a submodule is one more module of that submodule.
  treeAsSubmodule =
    decl:
    if isOption decl.options then
      decl
    else
      decl
      // {
        options = lib.mkOption {
          type = types.submoduleWith {
            modules = [ { inherit (decl) options; } ];
            shorthandOnlyDefinesConfig = null;
          };
        };
      };

  showTree =
    loc: decls:
    let
      paths = concatMap (
        decl:
        map (option: "- option(s) with prefix `${showOption (loc ++ [ option ])}' in module `${decl._file}'") (
          attrNames decl.options
        )
      ) decls;
    in
    concatStringsSep "\n" paths;

  mergeModules' =
    prefix: modules: configs:
    let
      declared = zipAttrsWith (_: decls: decls) (map (declarationsOf prefix) modules);

      checked =
        assert all (checkIsSet prefix) configs;
        configs;

      # Definitions for each name as they are, for options, ...
      raw = zipAttrsWith (_: defs: defs) (
        map (c: mapAttrs (_: value: { inherit (c) file; inherit value; }) c.config) checked
      );
      # ... and with their properties pushed down, for the levels below.
      pushed = zipAttrsWith (_: concatLists) (
        map (
          c:
          mapAttrs (
            _: value: map (config: { inherit (c) file; inherit config; }) (pushDownProperties value)
          ) c.config
        ) checked
      );

      merge =
        name: decls:
        let
          loc = prefix ++ [ name ];
          isDeclaration =
            decl:
            decl.options ? _type
            && (
              decl.options._type == "option"
              || throw (messages.notAnOption loc decl.options._type decl._file)
            );
          options = filter isDeclaration decls;
          evaluated = decls': {
            matchedOptions = evalOptionValue loc (fixupOptionType loc (mergeOptionDecls loc decls')) (
              raw.${name} or [ ]
            );
            unmatchedDefns = [ ];
          };
        in
        if options == [ ] then
          mergeModules' loc decls (pushed.${name} or [ ])
        else if length options == length decls then
          evaluated decls
        else if all (decl: decl.options.type.name or null == "submodule") options then
          evaluated (map treeAsSubmodule decls)
        else
          throw "The option `${showOption loc}' in module `${(head options)._file}' would be a parent of the following options, but its type `${
            (head options).options.type.description or "<no description>"
          }' does not support nested options.\n${
            showTree loc (filter (decl: !isOption decl.options) decls)
          }";

      results = mapAttrs merge declared;
      matchedOptions = mapAttrs (_: r: r.matchedOptions) results;
      unmatched = mapAttrs (_: r: r.unmatchedDefns) results // removeAttrs raw (attrNames declared);
    in
    {
      inherit matchedOptions;
      unmatchedDefns =
        if configs == [ ] then
          [ ]
        else
          concatLists (
            lib.mapAttrsToList (
              name: map (def: def // { prefix = [ name ] ++ (def.prefix or [ ]); })
            ) unmatched
          );
    };

  # Two declarations of one option as one, of which at most one may say more than the type.
  addDeclaration =
    loc: merged: decl:
    let
      new = decl.options;
      both = attribute: new ? ${attribute} && merged ? ${attribute};
      conflict = throw "The option `${showOption loc}' in `${decl._file}' is already declared in ${showFiles merged.declarations}.";
      type = merged.type.typeMerge new.type.functor;
      typed =
        if !both "type" then
          { }
        else if type == null then
          conflict
        else
          { inherit type; };
      submodules = new.type.getSubModules or null;
    in
    if all (a: !both a) [ "default" "example" "description" "apply" ] then
      new
      // merged
      // {
        declarations = merged.declarations ++ [ decl._file ];
        declarationPositions = merged.declarationPositions ++ [
          (
            if decl.pos or null != null then
              decl.pos
            else
              {
                file = decl._file;
                line = null;
                column = null;
              }
          )
        ];
        options =
          lib.optionals (submodules != null) (map (lib.setDefaultModuleLocation decl._file) submodules)
          ++ merged.options;
      }
      // typed
    else
      conflict;
in
{
  inherit mergeModules';

  /**
    Merges a list of modules in canonical form: `{ matchedOptions; unmatchedDefns; }`.
  */
  mergeModules =
    prefix: modules:
    mergeModules' prefix modules (
      concatMap (
        m: map (config: { file = m._file; inherit config; }) (pushDownProperties m.config)
      ) modules
    );

  /**
    Merges the declarations of one option, each `{ _file; pos; options; }`.
  */
  mergeOptionDecls =
    loc:
    foldl' (addDeclaration loc) {
      inherit loc;
      declarations = [ ];
      declarationPositions = [ ];
      options = [ ];
    };

  /**
    Gives an option without a type the unspecified one, and a submodule the modules of all its
    declarations.
  */
  fixupOptionType =
    _loc: option:
    if option.type.getSubModules or null == null then
      option // { type = option.type or types.unspecified; }
    else
      option
      // {
        type = option.type.substSubModules option.options;
        options = [ ];
      };
}
