//! Options as values of the language into plain data, each part failing for itself.

use rustc_hash::FxHashMap;

use super::value_type::ValueType;
use super::{Detail, OptionInfo, OptionNode, Place, Step, SubTree, text};
use crate::coerce;
use crate::error::{ErrorKind, Result};
use crate::heap::{Attrs, Kind, Lazy, Slot, Symbol, Value};
use crate::interpret::Eval;

/// The deepest nesting of submodules that is followed; types may contain themselves.
const SUBMODULES_MAX: u32 = 5;
/// The priority of `mkForce`. Source: the module library.
const FORCED: i64 = 50;
/// The deepest nesting of types in types that is followed.
const TYPES_MAX: u32 = 16;

/// Files whose functions make options for modules elsewhere.
const LIBRARY_FILES: [&str; 3] = ["/lib/attrsets.nix", "/lib/modules.nix", "/lib/options.nix"];

/// Collects an evaluated set that is an option or holds options.
///
/// # Errors
///
/// If the evaluation is cancelled or out of memory.
pub(super) fn node<'h>(
    eval: &mut Eval<'h>,
    options: Value<'h>,
    detail: Detail,
) -> Result<OptionNode> {
    let value_types = FxHashMap::default();
    let mut collector = Collector { eval, detail, submodules: 0, types: 0, value_types };
    let Some(attrs) = options.as_attrs() else { return Ok(OptionNode::default()) };
    let mut root = collector.node(attrs)?;
    // The check of the root was switched off by whoever asked.
    root.is_open = collector.has_freeform(attrs)?;
    open_sets(&mut root, false);
    Ok(root)
}

/// What modules take without a declaration they take at any depth, in sets of options as well.
fn open_sets(node: &mut OptionNode, is_inside_open: bool) {
    node.is_open |= is_inside_open;
    for child in node.children.values_mut() {
        let is_inside_open = node.is_open && child.option.is_none();
        open_sets(child, is_inside_open);
    }
    if let Some(sub) = node.option.as_mut().and_then(|it| it.sub.as_mut()) {
        open_sets(&mut sub.node, false);
    }
}

/// Turns a failure into `None`, unless it means that the evaluation has to stop.
pub(super) fn caught<T>(eval: &Eval<'_>, result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        Err(error) if error.kind == ErrorKind::Limit && is_out_of_memory(eval) => Err(error),
        Err(_) => Ok(None),
    }
}

fn is_out_of_memory(eval: &Eval<'_>) -> bool {
    let size_max = eval.settings().heap_size_bytes_max;
    size_max != 0 && eval.heap().size_bytes() >= size_max
}

pub(super) struct Collector<'e, 'h> {
    pub(super) eval: &'e mut Eval<'h>,
    detail: Detail,
    /// How many submodules deep we are.
    submodules: u32,
    /// How many types deep we are.
    types: u32,
    /// What is known of types, by where their `check` is kept.
    pub(super) value_types: FxHashMap<usize, ValueType>,
}

impl<'h> Collector<'_, 'h> {
    fn node(&mut self, attrs: Attrs<'h>) -> Result<OptionNode> {
        if self.text(attrs, "_type")?.as_deref() == Some("option") {
            let option = Some(Box::new(self.option(attrs)?));
            return Ok(OptionNode { option, ..OptionNode::default() });
        }
        let is_open = attrs.named(b"_freeformOptions").is_some() || self.is_unchecked(attrs)?;
        let mut node = OptionNode { is_open, ..OptionNode::default() };
        for attr in attrs.iter_by_name(self.eval.heap()) {
            let name = attr.name.to_text().into_owned();
            if name == "_module" || name == "_freeformOptions" {
                continue;
            }
            let Some(inner) = self.attempt(attr.slot)?.and_then(Value::as_attrs) else { continue };
            let Some(child) = self.deeper(|this| this.node(inner))? else { continue };
            if child.option.is_some() || !child.children.is_empty() {
                node.children.insert(name, child);
            }
        }
        Ok(node)
    }

    fn option(&mut self, option: Attrs<'h>) -> Result<OptionInfo> {
        let definitions = match self.detail {
            Detail::Declarations => Vec::new(),
            Detail::Definitions => self.places(option, "definitionsWithLocations", "files")?,
        };
        let mut info = OptionInfo {
            description: self.prose(option, "description")?,
            default: self.default(option)?,
            example: self.written(option, "example")?,
            declarations: self.places(option, "declarationPositions", "declarations")?,
            definitions,
            is_read_only: self.flag(option, "readOnly")?.unwrap_or(false),
            is_hidden: self.flag(option, "internal")?.unwrap_or(false)
                || self.flag(option, "visible")? == Some(false),
            ..OptionInfo::default()
        };
        if let Some(ty) = self.get(option, "type")?.and_then(Value::as_attrs) {
            self.describe_type(ty, &mut info)?;
            info.deprecation = self.text(ty, "deprecationMessage")?;
        }
        if info.is_hidden {
            self.fate(option, &mut info)?;
        }
        Ok(info)
    }

    /// A hidden option may stand for another one, or be there to say that it is gone.
    fn fate(&mut self, option: Attrs<'h>, info: &mut OptionInfo) -> Result<()> {
        info.renamed_to = info.description.as_deref().and_then(alias_of);
        if info.renamed_to.is_some() || info.description.is_some() {
            return Ok(());
        }
        let Some(apply) = self.get(option, "apply")? else { return Ok(()) };
        match self.eval.call(apply, &[Lazy::from(Value::NULL)]) {
            Err(error) if error.kind == ErrorKind::Thrown => {
                let is_gone = error.message.contains("can no longer be used");
                info.removed = is_gone.then(|| error.message.trim().to_owned());
                Ok(())
            }
            other => caught(self.eval, other).map(drop),
        }
    }

    /// Whether the modules of a set of options take names that none of them declares.
    fn is_unchecked(&mut self, options: Attrs<'h>) -> Result<bool> {
        let Some(module) = self.get(options, "_module")?.and_then(Value::as_attrs) else {
            return Ok(false);
        };
        let Some(check) = self.get(module, "check")?.and_then(Value::as_attrs) else {
            return Ok(false);
        };
        let is_off = self.get(check, "value")?.and_then(Value::as_bool) == Some(false);
        // For documentation the module library switches the check off itself, by force.
        let priority = self.get(check, "highestPrio")?.and_then(Value::as_int);
        Ok(is_off && priority != Some(FORCED) || self.has_freeform(options)?)
    }

    fn has_freeform(&mut self, options: Attrs<'h>) -> Result<bool> {
        let Some(module) = self.get(options, "_module")?.and_then(Value::as_attrs) else {
            return Ok(false);
        };
        let Some(freeform) = self.get(module, "freeformType")?.and_then(Value::as_attrs) else {
            return Ok(false);
        };
        Ok(self.get(freeform, "value")?.is_some_and(|it| !matches!(it.kind(), Kind::Null)))
    }

    fn describe_type(&mut self, ty: Attrs<'h>, info: &mut OptionInfo) -> Result<()> {
        info.type_name = self.text(ty, "name")?.unwrap_or_default();
        info.type_description = self.text(ty, "description")?.unwrap_or_default();
        info.values = self.values(ty)?;
        info.takes = self.value_type(ty, 0)?;
        info.sub = self.sub_tree(ty)?;
        Ok(())
    }

    /// Follows a type to the options inside it.
    fn sub_tree(&mut self, ty: Attrs<'h>) -> Result<Option<SubTree>> {
        if self.types >= TYPES_MAX {
            return Ok(None);
        }
        self.types += 1;
        let sub = match self.text(ty, "name")?.as_deref() {
            Some("attrsOf" | "lazyAttrsOf" | "attrsWith" | "loaOf") => {
                self.elements(ty, Step::Named)
            }
            Some("listOf" | "nonEmptyListOf" | "attrListOf") => self.elements(ty, Step::Element),
            Some("nullOr" | "uniq" | "unique" | "either" | "oneOf" | "coercedTo") => {
                self.first_of(ty)
            }
            _ => self.submodule(ty),
        };
        self.types -= 1;
        sub
    }

    /// A set or list of a type: each element is a step away.
    fn elements(&mut self, ty: Attrs<'h>, step: Step) -> Result<Option<SubTree>> {
        let Some(element) = self.inner_types(ty)?.first().copied() else {
            let found = self.submodule(ty)?;
            return Ok(found.map(|found| SubTree { step, node: found.node }));
        };
        let mut info = OptionInfo::default();
        self.describe_type(element, &mut info)?;
        let node = match info.sub {
            Some(SubTree { step: Step::Direct, node }) => node,
            None if info.values.is_empty() => return Ok(None),
            _ => OptionNode { option: Some(Box::new(info)), ..OptionNode::default() },
        };
        Ok(Some(SubTree { step, node }))
    }

    /// A type that is one of others, or another with conditions.
    fn first_of(&mut self, ty: Attrs<'h>) -> Result<Option<SubTree>> {
        let name = self.text(ty, "name")?;
        let is_certain = matches!(name.as_deref(), Some("nullOr" | "uniq" | "unique"));
        for inner in self.inner_types(ty)? {
            if let Some(mut found) = self.sub_tree(inner)? {
                found.node.is_open |= !is_certain;
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(super) fn submodule(&mut self, ty: Attrs<'h>) -> Result<Option<SubTree>> {
        if self.submodules >= SUBMODULES_MAX {
            return Ok(None);
        }
        let Some(function) = self.get(ty, "getSubOptions")? else { return Ok(None) };
        let prefix = Value::list(&[]);
        let called = self.eval.call(function, &[Lazy::from(prefix)]);
        let Some(options) = caught(self.eval, called)?.and_then(Value::as_attrs) else {
            return Ok(None);
        };
        self.submodules += 1;
        let node = self.deeper(|this| this.node(options));
        self.submodules -= 1;
        let node = node?.filter(|node| !node.children.is_empty() || node.is_open);
        Ok(node.map(|node| SubTree { step: Step::Direct, node }))
    }

    /// Returns the types that a type is made of. Older trees tell them only through the functor.
    pub(super) fn inner_types(&mut self, ty: Attrs<'h>) -> Result<Vec<Attrs<'h>>> {
        let mut types = Vec::new();
        if let Some(nested) = self.get(ty, "nestedTypes")?.and_then(Value::as_attrs) {
            for attr in nested.iter_by_name(self.eval.heap()) {
                types.extend(self.attempt(attr.slot)?.and_then(Value::as_attrs));
            }
        }
        if !types.is_empty() {
            return Ok(types);
        }
        let Some(functor) = self.get(ty, "functor")?.and_then(Value::as_attrs) else {
            return Ok(types);
        };
        match self.get(functor, "wrapped")?.map(Value::kind) {
            Some(Kind::Attrs(wrapped)) => types.push(wrapped),
            Some(Kind::List(wrapped)) => {
                for slot in wrapped {
                    types.extend(self.attempt(slot)?.and_then(Value::as_attrs));
                }
            }
            _ => {}
        }
        Ok(types)
    }

    /// Returns the values of a type that has few, as Nix text.
    fn values(&mut self, ty: Attrs<'h>) -> Result<Vec<String>> {
        let mut values = Vec::new();
        match self.text(ty, "name")?.as_deref() {
            Some("bool" | "boolByOr") => values.extend(["true", "false"].map(str::to_owned)),
            Some("enum") => values = self.enumeration(ty)?,
            Some(name @ ("nullOr" | "uniq" | "unique" | "either" | "oneOf" | "coercedTo")) => {
                if self.types < TYPES_MAX {
                    self.types += 1;
                    for inner in self.inner_types(ty)? {
                        values.extend(self.values(inner)?);
                    }
                    self.types -= 1;
                }
                if name == "nullOr" && !values.is_empty() {
                    values.push("null".to_owned());
                }
            }
            _ => {}
        }
        Ok(values)
    }

    pub(super) fn enumeration(&mut self, ty: Attrs<'h>) -> Result<Vec<String>> {
        let Some(functor) = self.get(ty, "functor")?.and_then(Value::as_attrs) else {
            return Ok(Vec::new());
        };
        let mut payload = self.get(functor, "payload")?;
        if let Some(attrs) = payload.and_then(Value::as_attrs) {
            payload = self.get(attrs, "values")?;
        }
        let mut values = Vec::new();
        for slot in payload.and_then(Value::as_list).unwrap_or_default() {
            if let Some(value) = self.attempt(slot)? {
                values.push(text::brief(self.eval, value)?);
            }
        }
        Ok(values)
    }

    /// Returns a description: plain text, or text in a wrapper such as `lib.mdDoc`.
    fn prose(&mut self, option: Attrs<'h>, name: &str) -> Result<Option<String>> {
        match self.get(option, name)?.map(Value::kind) {
            Some(Kind::String(text)) => Ok(Some(text.to_text().into_owned())),
            Some(Kind::Attrs(wrapper)) => self.text(wrapper, "text"),
            _ => Ok(None),
        }
    }

    /// Returns the default: as its author words it, else as it is written, else printed.
    fn default(&mut self, option: Attrs<'h>) -> Result<Option<String>> {
        match self.get(option, "defaultText")? {
            // Older trees give the text itself.
            Some(text) if text.as_string().is_some() => self.text(option, "defaultText"),
            Some(text) => self.nix_text(text).map(Some),
            None => self.written(option, "default"),
        }
    }

    /// Returns an attribute as Nix text.
    fn written(&mut self, option: Attrs<'h>, name: &str) -> Result<Option<String>> {
        let Some(attr) = option.attr(Symbol::intern(name.as_bytes())) else { return Ok(None) };
        if let Some(text) = text::as_written(self.eval, attr.position) {
            return Ok(Some(text));
        }
        match self.attempt(attr.slot)? {
            Some(value) => self.nix_text(value).map(Some),
            None => Ok(None),
        }
    }

    /// Returns a value as Nix text: from its literal wrapper where it has one, else printed.
    fn nix_text(&mut self, value: Value<'h>) -> Result<String> {
        if let Some(wrapper) = value.as_attrs()
            && wrapper.named(b"_type").is_some()
            && let Some(text) = self.text(wrapper, "text")?
        {
            return Ok(text);
        }
        text::brief(self.eval, value)
    }

    /// Returns places: with positions where the module system tells them, else only files.
    fn places(&mut self, option: Attrs<'h>, precise: &str, files: &str) -> Result<Vec<Place>> {
        let files = self.place_list(option, files)?;
        let mut places = self.place_list(option, precise)?;
        if places.is_empty() {
            places = files;
        } else if places.len() == files.len() {
            // A name that a function of the library made is written there, but not declared.
            for (place, file) in places.iter_mut().zip(files) {
                if LIBRARY_FILES.iter().any(|end| place.file.ends_with(end)) {
                    *place = file;
                }
            }
        }
        let mut seen: Vec<Place> = Vec::new();
        places.retain(|place| {
            let is_new = !seen.contains(place);
            if is_new {
                seen.push(place.clone());
            }
            is_new
        });
        Ok(places)
    }

    fn place_list(&mut self, option: Attrs<'h>, name: &str) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        let list = self.get(option, name)?.and_then(Value::as_list);
        for slot in list.unwrap_or_default() {
            let Some(value) = self.attempt(slot)? else { continue };
            match value.kind() {
                Kind::Attrs(attrs) => {
                    let Some(file) = self.file_text(attrs)? else { continue };
                    let line = self.number(attrs, "line")?;
                    let column = self.number(attrs, "column")?;
                    places.push(Place { file, line, column });
                }
                _ => {
                    let file = self.as_text(value)?;
                    places.extend(file.map(|file| Place { file, line: None, column: None }));
                }
            }
        }
        Ok(places)
    }

    fn file_text(&mut self, attrs: Attrs<'h>) -> Result<Option<String>> {
        match self.get(attrs, "file")? {
            Some(file) => self.as_text(file),
            None => Ok(None),
        }
    }

    fn as_text(&mut self, value: Value<'h>) -> Result<Option<String>> {
        let text = coerce::to_string(self.eval, value, coerce::Mode::ToString);
        Ok(caught(self.eval, text)?.map(|text| text.to_text().into_owned()))
    }

    pub(super) fn text(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<String>> {
        let value = self.get(attrs, name)?;
        Ok(value.and_then(Value::as_string).map(|text| text.to_text().into_owned()))
    }

    fn flag(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<bool>> {
        Ok(self.get(attrs, name)?.and_then(Value::as_bool))
    }

    fn number(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<u32>> {
        let value = self.get(attrs, name)?.and_then(Value::as_int);
        Ok(value.and_then(|number| u32::try_from(number).ok()))
    }

    /// Returns an attribute's value; `None` if it is missing or fails.
    pub(super) fn get(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<Value<'h>>> {
        match attrs.get(Symbol::intern(name.as_bytes())) {
            Some(slot) => self.attempt(slot),
            None => Ok(None),
        }
    }

    fn attempt(&mut self, slot: &'h Slot<'h>) -> Result<Option<Value<'h>>> {
        let forced = self.eval.force(slot);
        caught(self.eval, forced)
    }

    fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Collector<'_, 'h>) -> Result<T>,
    ) -> Result<Option<T>> {
        let (detail, submodules, types) = (self.detail, self.submodules, self.types);
        let mut value_types = std::mem::take(&mut self.value_types);
        let done = self.eval.deeper(|eval| {
            let known = std::mem::take(&mut value_types);
            let mut inner = Collector { eval, detail, submodules, types, value_types: known };
            let done = work(&mut inner);
            value_types = inner.value_types;
            done
        });
        self.value_types = value_types;
        caught(self.eval, done)
    }
}

/// Returns the option that a description says to be meant: `Alias of <option>a.b</option>.`
fn alias_of(description: &str) -> Option<String> {
    let rest = description.strip_prefix("Alias of ")?;
    let name =
        rest.trim_start_matches("<option>").trim_start_matches("{option}`").trim_start_matches('`');
    let end = name.find(['<', '`']).unwrap_or(name.trim_end_matches('.').len());
    name.get(..end).map(str::to_owned)
}
