//! The options of a module system as plain data: what completion, hover and `nivis option` show.
//!
//! An [`OptionTree`] is collected from the evaluated `options` of any `evalModules` (NixOS, the
//! embedded library, one's own) and holds no values of the language, so that it leaves the
//! evaluation and can be kept. Whatever cannot be evaluated (a default that throws, a package that
//! is missing) is left out where it stands, never more.
//!
//! An option whose type holds further options (a submodule, a set or list of them) carries those
//! as a [`SubTree`]; how one gets there is its [`Step`].

use std::collections::BTreeMap;

use crate::coerce;
use crate::error::{ErrorKind, Result};
use crate::heap::{Attrs, Kind, Lazy, Slot, Symbol, Value};
use crate::interpret::Eval;
use crate::print;

/// The deepest nesting of submodules that is followed; types may contain themselves.
const SUBMODULES_MAX: u32 = 5;

/// All options of one root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionTree {
    /// The top level.
    pub root: OptionNode,
}

/// One name on the way to options: an option, or a set of further names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionNode {
    /// The option, if this is one.
    pub option: Option<Box<OptionInfo>>,
    /// The names below.
    pub children: BTreeMap<String, OptionNode>,
}

/// What is known of one option.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionInfo {
    /// The type, as its author describes it: `list of string`.
    pub type_description: String,
    /// The type's own name: `listOf`.
    pub type_name: String,
    /// What the option does: Markdown, or DocBook in older trees.
    pub description: Option<String>,
    /// The default as Nix text.
    pub default: Option<String>,
    /// The example as Nix text.
    pub example: Option<String>,
    /// The values of an enumeration, as Nix text.
    pub values: Vec<String>,
    /// Where the option is declared.
    pub declarations: Vec<Place>,
    /// Where it is defined.
    pub definitions: Vec<Place>,
    /// Whether only its author may define it.
    pub is_read_only: bool,
    /// Whether documentation leaves it out.
    pub is_hidden: bool,
    /// The options inside the type.
    pub sub: Option<SubTree>,
}

/// A place in a file, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the module system names it.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1, in bytes.
    pub column: Option<u32>,
}

/// Options inside the type of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubTree {
    /// How the value of the option leads there.
    pub step: Step,
    /// The options.
    pub node: OptionNode,
}

/// How the value of an option leads to the options inside its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value is the submodule itself.
    Direct,
    /// The value is a set of submodules by any name.
    Named,
    /// The value is a list of submodules.
    Element,
}

/// One component of a path into an [`OptionTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component<'a> {
    /// A name.
    Name(&'a str),
    /// Any element of a list.
    Element,
}

impl OptionTree {
    /// Collects the tree from evaluated `options`.
    ///
    /// # Errors
    ///
    /// If `options` itself fails, or the evaluation is cancelled or out of its limits.
    pub fn collect<'h>(eval: &mut Eval<'h>, options: Value<'h>) -> Result<OptionTree> {
        let mut collector = Collector { eval, submodules: 0 };
        let root = match options.as_attrs() {
            Some(attrs) => collector.node(attrs)?,
            None => OptionNode::default(),
        };
        Ok(OptionTree { root })
    }

    /// Returns the node at a path, through submodules.
    pub fn lookup(&self, path: &[Component<'_>]) -> Option<&OptionNode> {
        let mut node = &self.root;
        let mut components = path.iter();
        while let Some(component) = components.next() {
            // Submodules that are values themselves take no component.
            while node.children.is_empty() {
                match node.option.as_ref().and_then(|option| option.sub.as_ref()) {
                    Some(sub) if sub.step == Step::Direct => node = &sub.node,
                    _ => break,
                }
            }
            let sub = node.option.as_ref().and_then(|option| option.sub.as_ref());
            node = match (component, sub) {
                (Component::Name(_), Some(SubTree { step: Step::Named, node }))
                | (Component::Element, Some(SubTree { step: Step::Element, node })) => node,
                (Component::Name(name), _) => node.children.get(*name)?,
                (Component::Element, _) => return None,
            };
        }
        Some(node)
    }

    /// Returns how many options there are, those in submodules included.
    pub fn len(&self) -> usize {
        fn count(node: &OptionNode) -> usize {
            let own = node
                .option
                .as_ref()
                .map_or(0, |option| 1 + option.sub.as_ref().map_or(0, |sub| count(&sub.node)));
            own + node.children.values().map(count).sum::<usize>()
        }
        count(&self.root)
    }

    /// Whether there are no options.
    pub fn is_empty(&self) -> bool {
        self.root.children.is_empty()
    }
}

impl OptionNode {
    /// Returns the names that may stand below this node's value, with their nodes.
    ///
    /// For a set of submodules by any name there are none: the user chooses them.
    pub fn names(&self) -> Vec<(&str, &OptionNode)> {
        let mut node = self;
        while let Some(SubTree { step: Step::Direct, node: inner }) =
            node.option.as_ref().and_then(|option| option.sub.as_ref())
        {
            node = inner;
        }
        node.children.iter().map(|(name, child)| (name.as_str(), child)).collect()
    }
}

struct Collector<'e, 'h> {
    eval: &'e mut Eval<'h>,
    /// How many submodules deep we are.
    submodules: u32,
}

impl<'h> Collector<'_, 'h> {
    /// Collects a set that is an option or holds options.
    fn node(&mut self, attrs: Attrs<'h>) -> Result<OptionNode> {
        if self.text(attrs, "_type")?.as_deref() == Some("option") {
            let option = Some(Box::new(self.option(attrs)?));
            return Ok(OptionNode { option, children: BTreeMap::new() });
        }
        let mut node = OptionNode::default();
        for attr in attrs.iter_by_name(self.eval.heap()) {
            let name = attr.name.to_text().into_owned();
            if name == "_module" {
                continue;
            }
            let Some(inner) = self.attempt(attr.slot)?.and_then(Value::as_attrs) else { continue };
            let child = self.eval_deeper(|this| this.node(inner))?;
            if child.option.is_some() || !child.children.is_empty() {
                node.children.insert(name, child);
            }
        }
        Ok(node)
    }

    fn option(&mut self, option: Attrs<'h>) -> Result<OptionInfo> {
        let mut info = OptionInfo {
            description: self.prose(option, "description")?,
            default: self.nix_text(option, "defaultText", "default")?,
            example: self.nix_text(option, "example", "example")?,
            declarations: self.places(option, "declarationPositions", "declarations")?,
            definitions: self.places(option, "definitionsWithLocations", "files")?,
            is_read_only: self.flag(option, "readOnly")?.unwrap_or(false),
            is_hidden: self.flag(option, "internal")?.unwrap_or(false)
                || self.flag(option, "visible")? == Some(false),
            ..OptionInfo::default()
        };
        if let Some(ty) = self.get(option, "type")?.and_then(Value::as_attrs) {
            info.type_name = self.text(ty, "name")?.unwrap_or_default();
            info.type_description = self.text(ty, "description")?.unwrap_or_default();
            info.values = self.enumeration(ty)?;
            info.sub = self.sub_tree(ty)?;
        }
        Ok(info)
    }

    /// Follows a type to the options inside it.
    fn sub_tree(&mut self, ty: Attrs<'h>) -> Result<Option<SubTree>> {
        if self.submodules >= SUBMODULES_MAX {
            return Ok(None);
        }
        let step = match self.text(ty, "name")?.as_deref() {
            Some("attrsOf" | "lazyAttrsOf" | "attrsWith" | "loaOf") => Step::Named,
            Some("listOf" | "nonEmptyListOf" | "attrListOf") => Step::Element,
            _ => Step::Direct,
        };
        self.submodules += 1;
        let node = self.sub_options(ty);
        self.submodules -= 1;
        let Some(mut node) = node? else { return Ok(None) };
        if step != Step::Direct {
            // `attrsOf (attrsOf submodule)`: the inner set is a step of its own.
            if let Some(inner) = self.element_sub_tree(ty)? {
                let option = OptionInfo { sub: Some(inner), ..OptionInfo::default() };
                node = OptionNode { option: Some(Box::new(option)), children: BTreeMap::new() };
            }
        }
        let is_empty = node.children.is_empty() && node.option.is_none();
        Ok((!is_empty).then_some(SubTree { step, node }))
    }

    /// Returns the sub-tree of a set's or list's element type if that takes a step, too.
    fn element_sub_tree(&mut self, ty: Attrs<'h>) -> Result<Option<SubTree>> {
        let Some(nested) = self.get(ty, "nestedTypes")?.and_then(Value::as_attrs) else {
            return Ok(None);
        };
        let Some(element) = self.get(nested, "elemType")?.and_then(Value::as_attrs) else {
            return Ok(None);
        };
        let sub = self.sub_tree(element)?;
        Ok(sub.filter(|sub| sub.step != Step::Direct))
    }

    fn sub_options(&mut self, ty: Attrs<'h>) -> Result<Option<OptionNode>> {
        let Some(function) = self.get(ty, "getSubOptions")? else { return Ok(None) };
        let prefix = Value::list(&[]);
        let called = self.eval.call(function, &[Lazy::from(prefix)]);
        let Some(options) = self.caught(called)?.and_then(Value::as_attrs) else {
            return Ok(None);
        };
        self.eval_deeper(|this| this.node(options)).map(Some)
    }

    /// Returns the values of an enumeration, as Nix text.
    fn enumeration(&mut self, ty: Attrs<'h>) -> Result<Vec<String>> {
        if self.text(ty, "name")?.as_deref() != Some("enum") {
            return Ok(Vec::new());
        }
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
                values.extend(self.printed(value)?);
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

    /// Returns a value as Nix text: from its literal wrapper where it has one, else printed.
    fn nix_text(&mut self, option: Attrs<'h>, text: &str, value: &str) -> Result<Option<String>> {
        let found = match self.get(option, text)? {
            Some(found) => Some(found),
            None if text == value => None,
            None => self.get(option, value)?,
        };
        let Some(found) = found else { return Ok(None) };
        if let Some(wrapper) = found.as_attrs()
            && wrapper.get_named(b"_type").is_some()
            && let Some(text) = self.text(wrapper, "text")?
        {
            return Ok(Some(text));
        }
        self.printed(found)
    }

    fn printed(&mut self, value: Value<'h>) -> Result<Option<String>> {
        Ok(Some(print::show(self.eval, value)))
    }

    /// Returns places: with positions where the module system tells them, else only files.
    fn places(&mut self, option: Attrs<'h>, precise: &str, files: &str) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        let list = match self.get(option, precise)?.and_then(Value::as_list) {
            Some(list) if !list.is_empty() => list,
            _ => match self.get(option, files)?.and_then(Value::as_list) {
                Some(list) => list,
                None => return Ok(places),
            },
        };
        for slot in list {
            let Some(value) = self.attempt(slot)? else { continue };
            let place = match value.kind() {
                Kind::Attrs(attrs) => {
                    let Some(file) = self.file_text(attrs)? else { continue };
                    let line = self.number(attrs, "line")?;
                    let column = self.number(attrs, "column")?;
                    Place { file, line, column }
                }
                _ => match self.as_text(value)? {
                    Some(file) => Place { file, line: None, column: None },
                    None => continue,
                },
            };
            if !places.contains(&place) {
                places.push(place);
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
        Ok(self.caught(text)?.map(|text| text.to_text().into_owned()))
    }

    fn text(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<String>> {
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
    fn get(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<Value<'h>>> {
        match attrs.get(Symbol::intern(name.as_bytes())) {
            Some(slot) => self.attempt(slot),
            None => Ok(None),
        }
    }

    fn attempt(&mut self, slot: &'h Slot<'h>) -> Result<Option<Value<'h>>> {
        let forced = self.eval.force(slot);
        self.caught(forced)
    }

    /// Turns a failure into `None`, unless it means that the evaluation has to stop.
    fn caught<T>(&self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn eval_deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Collector<'_, 'h>) -> Result<T>,
    ) -> Result<T> {
        let submodules = self.submodules;
        self.eval.deeper(|eval| work(&mut Collector { eval, submodules }))
    }
}
