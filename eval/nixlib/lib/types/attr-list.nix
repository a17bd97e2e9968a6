# The type `attrListWith`: a list of sets of one attribute each.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    foldl'
    head
    isAttrs
    isList
    length
    typeOf
    ;
  inherit (lib) showOption types;
  inherit (lib.options) showDefs;
  inherit (lib.modules)
    defaultOrderPriority
    defaultOverridePriority
    mergeDefinitions
    mkDefinition
    mkOrder
    mkOverride
    ;
  inherit (types) checkDefsForError coherentCheck mergeV2;

  # Takes mkOrder off a value, and notes order and priority: `{ value; prio; overridePrio; }`.
  peel =
    value:
    let
      is = value._type or null;
      inner = peel value.content;
    in
    # What is inside is looked at only when it counts.
    if is == "order" then
      {
        inherit (inner) value overridePrio;
        prio = value.priority;
      }
    else if is == "override" then
      {
        inherit (inner) prio;
        overridePrio = value.priority;
        value = mkOverride value.priority inner.value;
      }
    else
      {
        inherit value;
        prio = defaultOrderPriority;
        overridePrio = defaultOverridePriority;
      };
in
{
  elemType,
  asAttrs ? false,
  mergeAttrValues ? _name: values: values,
}:
let
  description = "attribute list of ${
    types.optionDescriptionPhrase (class: class == "noun" || class == "composite") elemType
  }";
  check = coherentCheck (x: isList x || isAttrs x);

  wrongItem =
    loc: file: raw: item:
    throw "A definition for option `${showOption loc}' is not of type `${description}'. ${
      if isAttrs item then
        "Each list element must be a single-key attribute set, but got ${toString (length (attrNames item))} keys"
      else
        "Each list element must be an attribute set, but got ${typeOf item}"
    }.${
      showDefs [
        {
          inherit file;
          value = raw;
        }
      ]
    }";

  itemOf =
    loc: file: raw:
    let
      ordered = raw._type or "" == "order";
      item = if ordered then raw.content else raw;
      key = head (attrNames item);
      peeled = peel item.${key};
    in
    if isAttrs item && length (attrNames item) == 1 then
      peeled
      // {
        inherit file key;
        prio = if ordered then raw.priority else peeled.prio;
      }
    else
      wrongItem loc file raw item;

  itemsOf =
    loc: def:
    if isList def.value then
      map (itemOf loc def.file) def.value
    else
      map (key: peel def.value.${key} // { inherit (def) file; inherit key; }) (attrNames def.value);

  v2 =
    { loc, defs }:
    let
      all = concatMap (itemsOf loc) defs;
      # Lowest priority number of each name.
      winning = foldl' (
        acc: item:
        if item.overridePrio < acc.${item.key} or defaultOverridePriority then
          acc // { ${item.key} = item.overridePrio; }
        else
          acc
      ) { } all;
      wins = item: item.overridePrio == winning.${item.key} or defaultOverridePriority;
      merged = map (
        item:
        item
        // {
          merged = mergeDefinitions (loc ++ [ item.key ]) elemType [ { inherit (item) file value; } ];
        }
      ) (builtins.sort (a: b: a.prio < b.prio) (filter wins all));
      present = filter (item: item.merged.isDefined) merged;
      attrListValue = map (item: { ${item.key} = item.merged.mergedValue; }) present;
    in
    {
      headError = checkDefsForError check loc defs;
      value = if asAttrs then builtins.zipAttrsWith mergeAttrValues attrListValue else attrListValue;
      valueMeta = {
        inherit attrListValue;
        attrList = map (item: item.merged.checkedAndMerged.valueMeta) present;
        definitions = map (
          item:
          mkDefinition {
            inherit (item) file;
            value = mkOrder item.prio { ${item.key} = item.merged.mergedValue; };
          }
        ) present;
      };
    };
in
types.mkOptionType {
  name = "attrListOf";
  inherit description check;
  descriptionClass = "composite";
  merge = mergeV2 v2;
  emptyValue.value = if asAttrs then { } else [ ];
  getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "*" ]);
  inherit (elemType) getSubModules;
  substSubModules =
    m:
    types.attrListWith {
      inherit asAttrs mergeAttrValues;
      elemType = elemType.substSubModules m;
    };
  typeMerge = _: null;
  nestedTypes = { inherit elemType; };
}
