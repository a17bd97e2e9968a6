//! String contexts: what a string depends on, element by element.
//!
//! The heap keeps each element as an interned text; this module reads and writes that text.
//! Source: CppNix, `NixStringContextElem`.

use store::derivation::EXTENSION;
use store::path::output_name;
use store::{Hash, StoreDirectory, StorePath, base32};

use crate::error::{self, Result};
use crate::heap::{Context, ContextElement, Heap, Symbol};

/// One dependency of a string.
///
/// The order is that in which the oracle lists them: objects, closures, outputs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Element {
    /// A store object as it is.
    Opaque(StorePath),
    /// A derivation with its whole closure, outputs included: what `drvPath` depends on.
    Deep(StorePath),
    /// An output of a derivation that is to be built.
    Built {
        /// The derivation.
        derivation: Derived,
        /// The name of the output.
        output: String,
    },
}

/// A store object that exists, or the output of a derivation that will make it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Derived {
    /// The path itself.
    Path(StorePath),
    /// The output of a derivation (dynamic derivations: a derivation made by another one).
    Output {
        /// The derivation.
        derivation: Box<Derived>,
        /// The name of the output.
        output: String,
    },
}

/// Returns the element that a heap element stands for.
///
/// # Errors
///
/// A text that is no element: only `appendContext` and the like could make one, and they check.
pub fn decode(element: ContextElement) -> Result<Element> {
    let text = element.0.to_text();
    match text.as_bytes() {
        [b'=', ..] => Ok(Element::Deep(parse_path(text.get(1..).unwrap_or_default())?)),
        [b'!', ..] => match parse_derived(text.get(1..).unwrap_or_default())? {
            Derived::Output { derivation, output } => {
                Ok(Element::Built { derivation: *derivation, output })
            }
            Derived::Path(path) => Ok(Element::Opaque(path)),
        },
        _ => Ok(Element::Opaque(parse_path(&text)?)),
    }
}

/// Returns the elements of a context in the order in which the oracle shows them.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_all(context: Option<Context<'_>>) -> Result<Vec<Element>> {
    let Some(context) = context else { return Ok(Vec::new()) };
    let mut elements =
        context.elements().iter().map(|element| decode(*element)).collect::<Result<Vec<_>>>()?;
    elements.sort_unstable();
    Ok(elements)
}

/// Returns the context of these elements, `None` when there are none.
pub fn encode_all<'h>(heap: &'h Heap, elements: &[Element]) -> Option<Context<'h>> {
    let encoded: Vec<ContextElement> = elements.iter().map(Element::encode).collect();
    Context::new(heap, &encoded)
}

/// Returns the context of one store object.
pub fn opaque<'h>(heap: &'h Heap, path: &StorePath) -> Option<Context<'h>> {
    Context::new(heap, &[ContextElement(Symbol::intern(path.base_name().as_bytes()))])
}

impl Element {
    /// Returns the heap element of this dependency.
    pub fn encode(&self) -> ContextElement {
        let mut text = String::new();
        match self {
            Element::Opaque(path) => text.push_str(path.base_name()),
            Element::Deep(path) => {
                text.push('=');
                text.push_str(path.base_name());
            }
            Element::Built { derivation, output } => {
                text.push('!');
                text.push_str(output);
                text.push('!');
                derivation.write(&mut text);
            }
        }
        ContextElement(Symbol::intern(text.as_bytes()))
    }

    /// Returns the element as messages show it: `/nix/store/x.drv^out`.
    pub fn display(&self, directory: &StoreDirectory) -> String {
        match self {
            Element::Opaque(path) => directory.display(path),
            Element::Deep(path) => format!("{} (deep)", directory.display(path)),
            Element::Built { derivation, output } => {
                format!("{}^{output}", derivation.display(directory))
            }
        }
    }
}

impl Derived {
    /// Returns the store object that everything starts from.
    pub fn base(&self) -> &StorePath {
        match self {
            Derived::Path(path) => path,
            Derived::Output { derivation, .. } => derivation.base(),
        }
    }

    /// Returns the object as messages show it: `/nix/store/x.drv^out`.
    pub fn display(&self, directory: &StoreDirectory) -> String {
        match self {
            Derived::Path(path) => directory.display(path),
            Derived::Output { derivation, output } => {
                format!("{}^{output}", derivation.display(directory))
            }
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Derived::Path(path) => text.push_str(path.base_name()),
            Derived::Output { derivation, output } => {
                text.push_str(output);
                text.push('!');
                derivation.write(text);
            }
        }
    }
}

/// Returns what stands for the output `output` of `derivation` where its path is not known yet.
///
/// Source: CppNix, `DownstreamPlaceholder`.
pub fn placeholder_of(derivation: &Derived, output: &str) -> String {
    format!("/{}", placeholder_hash(derivation, output).to_base32())
}

fn placeholder_hash(derivation: &Derived, output: &str) -> Hash {
    let text = match derivation {
        Derived::Path(path) => {
            let name = path.name().strip_suffix(EXTENSION).unwrap_or(path.name());
            let output = output_name(name, output);
            format!("nix-upstream-output:{}:{output}", path.hash_part())
        }
        Derived::Output { derivation, output: made_by } => {
            let compressed = base32::encode(&placeholder_hash(derivation, made_by).compressed());
            format!("nix-computed-output:{compressed}:{output}")
        }
    };
    Hash::sha256(text.as_bytes())
}

fn parse_path(text: &str) -> Result<StorePath> {
    StorePath::from_base_name(text).map_err(|error| error::store(&error))
}

fn parse_derived(text: &str) -> Result<Derived> {
    match text.split_once('!') {
        None => Ok(Derived::Path(parse_path(text)?)),
        Some((output, rest)) => Ok(Derived::Output {
            derivation: Box::new(parse_derived(rest)?),
            output: output.to_owned(),
        }),
    }
}
