//! What is to be built for a value: outputs of derivations, and store objects.
//!
//! Source: CppNix, `InstallableFlake::toDerivedPaths`, `InstallableAttrPath::toDerivedPaths` and
//! `InstallableValue::trySinglePathToDerivedPaths`.

use std::collections::{BTreeMap, BTreeSet};

use store::StorePath;
use store::content_address::FileMethod;
use store::hash::HashAlgorithm;
use store::realise::{DerivedPath, OutputNames};

use crate::context::{self, Derived, Element};
use crate::copy::{self, Source};
use crate::equal::is_derivation;
use crate::error::{self, FrameKind, Result};
use crate::heap::{Attrs, Kind, Value};
use crate::interpret::Eval;
use crate::print;
use crate::select::{self, Selected};
use crate::source::{Position, SourcePath};

/// Which outputs a person wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outputs {
    /// Those that the derivation says.
    #[default]
    Default,
    /// All of them.
    All,
    /// Those named.
    Names(BTreeSet<String>),
}

impl Outputs {
    /// Parts `TEXT^NAME,NAME` and `TEXT^*` into the text and the outputs; `None` if what follows
    /// the last `^` names none.
    pub fn split(text: &str) -> Option<(&str, Outputs)> {
        let Some((rest, names)) = text.rsplit_once('^') else {
            return Some((text, Outputs::Default));
        };
        if names == "*" {
            return Some((rest, Outputs::All));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._?=".contains(c);
        let names = names
            .split(',')
            .map(|name| (!name.is_empty() && name.chars().all(is_plain)).then(|| name.to_owned()));
        Some((rest, Outputs::Names(names.collect::<Option<_>>()?)))
    }

    /// Returns the outputs that are built if the derivation has `default`.
    pub fn names(&self, default: impl FnOnce() -> BTreeSet<String>) -> OutputNames {
        match self {
            Outputs::Default => OutputNames::Names(default()),
            Outputs::All => OutputNames::All,
            Outputs::Names(names) => OutputNames::Names(names.clone()),
        }
    }
}

/// Returns what is to be built for the output of a flake at `path`.
///
/// # Errors
///
/// A value that is neither a derivation nor something in the store, and whatever evaluation meets.
pub fn of_flake<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    path: &str,
    outputs: &Outputs,
) -> Result<DerivedPath> {
    let step = || format!("while evaluating the flake output attribute '{path}'");
    let within =
        |error: Box<error::EvalError>| error.frame(Position::NONE, FrameKind::Evaluator, step());
    if let Some(single) = single(eval, value).map_err(within)? {
        return Ok(single);
    }
    let attrs = match value.as_attrs() {
        Some(attrs) if is_derivation(eval, attrs)? => attrs,
        _ => {
            let found = print::describe(eval, value);
            return Err(error::other(format!(
                "expected flake output attribute '{path}' to be a derivation or path but found \
                 {found}"
            )));
        }
    };
    let selected = Selected { attrs };
    let derivation = selected.derivation_path(eval)?;
    let wanted = match outputs {
        Outputs::Default => chosen(eval, attrs)?,
        Outputs::All | Outputs::Names(_) => None,
    };
    let outputs = outputs.names(|| wanted.unwrap_or_else(|| ["out".to_owned()].into()));
    Ok(DerivedPath::Built { derivation, outputs })
}

/// Returns what is to be built for a value of a file or an expression, by derivation.
///
/// # Errors
///
/// As [`of_flake`].
pub fn of_value<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    arguments: Attrs<'h>,
    outputs: &Outputs,
) -> Result<Vec<DerivedPath>> {
    let value = select::auto_call(eval, value, arguments)?;
    if let Some(single) = single(eval, value)? {
        return Ok(vec![single]);
    }
    let mut found: BTreeMap<StorePath, OutputNames> = BTreeMap::new();
    for selected in select::derivations(eval, value, arguments)? {
        let derivation = selected.derivation_path(eval)?;
        let wanted = match outputs {
            Outputs::Default => chosen_or_all(eval, selected.attrs)?,
            Outputs::All | Outputs::Names(_) => BTreeSet::new(),
        };
        let wanted = outputs.names(|| wanted);
        match (found.get_mut(&derivation), wanted) {
            (Some(OutputNames::Names(known)), OutputNames::Names(more)) => known.extend(more),
            (_, wanted) => {
                found.insert(derivation, wanted);
            }
        }
    }
    let built = |(derivation, outputs)| DerivedPath::Built { derivation, outputs };
    Ok(found.into_iter().map(built).collect())
}

/// Returns the store object or output that a path or a string is; `None` for other values.
fn single<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Option<DerivedPath>> {
    if let Kind::Path(path) = value.kind() {
        let path = SourcePath::new(path.root, path.bytes);
        let source = Source {
            name: "source",
            path: &path,
            filter: None,
            method: FileMethod::Recursive,
            algorithm: HashAlgorithm::Sha256,
        };
        return Ok(Some(DerivedPath::Opaque(copy::add(eval, &source)?)));
    }
    let Some(string) = value.as_string() else { return Ok(None) };
    let text = string.to_text();
    let mut elements = context::decode_all(string.context())?;
    let (Some(element), true) = (elements.pop(), elements.is_empty()) else {
        let count = string.context().map_or(0, |context| context.elements().len());
        return Err(error::other(format!(
            "string '{text}' has {count} entries in its context. It should only have exactly one \
             entry"
        )));
    };
    let directory = eval.store().directory();
    match element {
        Element::Opaque(path) => Ok(Some(DerivedPath::Opaque(path))),
        Element::Built { derivation: Derived::Path(derivation), output } => {
            let outputs = OutputNames::Names([output].into());
            Ok(Some(DerivedPath::Built { derivation, outputs }))
        }
        Element::Deep(path) => {
            let path = directory.display(&path);
            Err(error::other(format!(
                "string '{text}' has a context which refers to a complete source and binary \
                 closure. This is not supported at this time: '{path}'"
            )))
        }
        Element::Built { derivation: Derived::Output { .. }, output } => {
            Err(error::other(format!(
                "output '{output}' of '{text}' is that of a derivation that another one makes, and \
             can only be built as an input"
            )))
        }
    }
}

/// Returns the outputs that a derivation says it wants built, if it says so.
fn chosen<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<Option<BTreeSet<String>>> {
    if let Some(slot) = attrs.named(b"outputSpecified") {
        let specified = eval.force(slot)?;
        if specified.as_bool() == Some(true) {
            let name = Selected { attrs }.output_name(eval)?;
            return Ok(name.map(|name| [name].into()));
        }
    }
    let Some(slot) = attrs.named(b"meta") else { return Ok(None) };
    let Some(meta) = eval.force(slot)?.as_attrs() else { return Ok(None) };
    let Some(slot) = meta.named(b"outputsToInstall") else { return Ok(None) };
    texts(eval, slot).map(|names| Some(names).filter(|names| !names.is_empty()))
}

/// Returns the outputs that a derivation says it wants built, else all that it has.
fn chosen_or_all<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<BTreeSet<String>> {
    if let Some(names) = chosen(eval, attrs)? {
        return Ok(names);
    }
    match attrs.named(b"outputs") {
        Some(slot) => texts(eval, slot),
        None => Ok(["out".to_owned()].into()),
    }
}

fn texts<'h>(eval: &mut Eval<'h>, slot: &'h crate::heap::Slot<'h>) -> Result<BTreeSet<String>> {
    let value = eval.force(slot)?;
    let list = value.as_list().unwrap_or_default();
    let mut names = BTreeSet::new();
    for slot in list {
        let name = eval.force(slot)?;
        let Some(name) = name.as_string() else {
            let found = print::describe(eval, name);
            return Err(error::wrong_type("a string", &found));
        };
        names.insert(name.to_text().into_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::Outputs;

    #[test]
    fn outputs_follow_the_last_caret() {
        let names = |names: &[&str]| Outputs::Names(names.iter().map(|it| (*it).into()).collect());
        assert_eq!(Outputs::split(".#a"), Some((".#a", Outputs::Default)));
        assert_eq!(Outputs::split(".#a^*"), Some((".#a", Outputs::All)));
        assert_eq!(Outputs::split(".#a^out,dev"), Some((".#a", names(&["dev", "out"]))));
        assert_eq!(Outputs::split(".^b^out"), Some((".^b", names(&["out"]))));
        for wrong in [".#a^", ".#a^a b", ".#a^a,,b", "^,"] {
            assert_eq!(Outputs::split(wrong), None, "{wrong}");
        }
    }
}
