# From a list of modules to the list of all modules they import, each in canonical form, without the
# disabled ones and without repetitions.
{ lib }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    concatMap
    elem
    filter
    genericClosure
    head
    isAttrs
    isList
    isString
    mapAttrs
    removeAttrs
    substring
    toString
    typeOf
    ;
  inherit (lib) isFunction unknownModule;
  inherit (lib.options) showDefs;
  inherit (lib.modules) mkMerge;
  quote = lib.strings.escapeNixString;
  messages = import ./messages.nix { inherit lib; };

  internalKey = "lib/modules.nix";

  # Attributes beside `config` and `options` in a module that has one of these.
  structural = [
    "_class"
    "_file"
    "config"
    "disabledModules"
    "freeformType"
    "imports"
    "key"
    "meta"
    "options"
  ];

  # Attributes of a module without `config` and `options` that are not configuration.
  shorthand = [
    "_class"
    "_file"
    "disabledModules"
    "freeformType"
    "imports"
    "key"
    "require"
  ];

  extended =
    config: additions: if additions == [ ] then config else mkMerge ([ config ] ++ additions);

  unifyModuleSyntax =
    file: key: m:
    let
      freeform = lib.optional (m ? freeformType) { _module.freeformType = m.freeformType; };
      common = {
        _file = toString m._file or file;
        _class = m._class or null;
        key = toString m.key or key;
        disabledModules = m.disabledModules or [ ];
      };
      unknown = removeAttrs m structural;
    in
    if m ? config || m ? options then
      if unknown != { } then
        throw "Module `${key}' has an unsupported attribute `${head (attrNames unknown)}'. This is caused by introducing a top-level `config' or `options' attribute. Add configuration attributes immediately on the top level instead, or move all of them (namely: ${toString (attrNames unknown)}) into the explicit `config' attribute."
      else
        common
        // {
          imports = m.imports or [ ];
          options = m.options or { };
          config = extended (m.config or { }) (
            freeform ++ lib.optional (m ? meta) { inherit (m) meta; }
          );
        }
    else if !isAttrs m then
      throw "module ${file} (${key}) does not look like a module."
    else
      common
      // {
        imports = m.require or [ ] ++ m.imports or [ ];
        options = { };
        config = extended (removeAttrs m shorthand) freeform;
      };

  # Arguments that are not handed in come from `_module.args`, one by one and only when used, for
  # these are configuration, which depends on all modules.
  applyModuleArgs =
    key: f: args:
    let
      lookUp =
        name: _:
        addErrorContext ''while evaluating the module argument `${name}' in "${key}":'' (
          args.${name} or (addErrorContext
            "noting that argument `${name}` is not externally provided, so querying `_module.args` instead, requiring `config`"
            args.config._module.args.${name}
          )
        );
    in
    f (args // mapAttrs lookUp (lib.functionArgs f));

  applyModuleArgsIfFunction =
    key: f: args:
    if isFunction f then applyModuleArgs key f args else f;

  loadModule =
    class: args: file: key: m:
    let
      type = m._type or "module";
    in
    if isFunction m then
      unifyModuleSyntax file key (applyModuleArgs key m args)
    else if isAttrs m then
      if type == "module" then
        unifyModuleSyntax file key m
      else if type == "if" || type == "override" then
        loadModule class args file key { config = m; }
      else
        throw (
          messages.notAModule {
            inherit class file type;
            prefix = args._prefix;
          }
        )
    else if isList m then
      throw "Module imports can't be nested lists. Perhaps you meant to remove one level of lists? Definitions: ${
        showDefs [
          {
            inherit file;
            value = m;
          }
        ]
      }"
    else
      let
        path = toString m;
      in
      unifyModuleSyntax path path (applyModuleArgsIfFunction path (import m) args);

  checkClass =
    class: m:
    if class == null || m._class == null || m._class == class then
      m
    else
      throw ''
        The module `${m._file}` (class: ${quote m._class}) cannot be imported into a module evaluation that expects class ${quote class}.

        Help: is it the module you meant? Its `_class` must be ${quote class} here, or absent if it fits any class.
      '';

  # The tree of imports, with what each module disables.
  loadTree =
    class: args:
    let
      node =
        parentFile: parentKey: n: m:
        let
          module = checkClass class (
            loadModule class args parentFile "${parentKey}:anon-${toString n}" m
          );
          below = tree module._file module.key module.imports;
          disables = {
            file = module._file;
            inherit (module) disabledModules;
          };
        in
        {
          inherit (module) key;
          inherit module;
          inherit (below) modules;
          disabled = lib.optional (module.disabledModules != [ ]) disables ++ below.disabled;
        };
      tree =
        file: key: modules:
        let
          nodes = lib.imap1 (node file key) modules;
        in
        {
          modules = nodes;
          disabled = concatMap (n: n.disabled) nodes;
        };
    in
    tree unknownModule "";

  # Key of an item of `disabledModules`.
  disabledKey =
    modulesPath: file: m:
    if isString m then
      if substring 0 1 m == "/" then m else toString modulesPath + "/" + m
    else if lib.strings.isConvertibleWithToString m then
      if m ? key && m.key != toString m then
        throw "Module `${file}` contains a disabledModules item that is an attribute set that can be converted to a string (${toString m}) but also has a `.key` attribute (${m.key}) with a different value. This makes it ambiguous which module should be disabled."
      else
        toString m
    else if m ? key then
      m.key
    else if isAttrs m then
      throw "Module `${file}` contains a disabledModules item that is an attribute set, presumably a module, that does not have a `key` attribute. Without one there is no way to tell which module is to be disabled: write a path, a string relative to modulesPath, or a set with a `key`."
    else
      throw "Each disabledModules item must be a path, string, or a attribute set with a key attribute, or a value supported by toString. However, one of the disabledModules items in `${toString file}` is none of that, but is of type ${typeOf m}.";
in
{
  inherit unifyModuleSyntax applyModuleArgsIfFunction;

  /**
    All modules that a list of modules imports, as `{ modules; graph; }`.
  */
  collectModules =
    class: modulesPath: initialModules: args:
    let
      loaded = loadTree class args initialModules;
      disabledKeys = concatMap (
        { file, disabledModules }: map (disabledKey modulesPath file) disabledModules
      ) loaded.disabled;
      isDisabled = node: elem node.key disabledKeys;
      enabled = filter (node: !isDisabled node);
      toGraph = node: {
        inherit (node) key;
        file = node.module._file;
        disabled = isDisabled node;
        imports = map toGraph node.modules;
      };
    in
    {
      modules = map (node: node.module) (genericClosure {
        startSet = enabled loaded.modules;
        operator = node: enabled node.modules;
      });
      graph = map toGraph (filter (node: node.key != internalKey) loaded.modules);
    };

  /**
    Gives a module a file name for messages, where it has none of its own.
  */
  setDefaultModuleLocation = file: m: {
    _file = file;
    imports = [ m ];
  };

  /**
    Imports a file that is a function from a static argument to a module.
  */
  importApply = file: argument: lib.setDefaultModuleLocation file (import file argument);

  /**
    A module with the configuration in a JSON file.
  */
  importJSON = file: {
    _file = file;
    config = lib.importJSON file;
  };

  /**
    A module with the configuration in a TOML file.
  */
  importTOML = file: {
    _file = file;
    config = lib.importTOML file;
  };
}
