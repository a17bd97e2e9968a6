//! Instantiation: from a set of attributes to a `.drv` file and the paths of its outputs.
//!
//! Source: CppNix, `derivationStrictInternal`.

use std::collections::BTreeSet;

use store::closure::closure;
use store::content_address::{ContentAddress, ContentMethod, FileMethod};
use store::derivation::modulo::{HashModulo, fill_output_paths, hash_modulo, hash_modulo_of_text};
use store::derivation::placeholder::placeholder;
use store::derivation::{DerivationError, DynamicInput, EXTENSION, aterm};
use store::hash::HashAlgorithm;
use store::{Derivation, Hash, Output, Store, StoreDirectory, StorePath};

use super::draft::Draft;
use crate::context::{Derived, Element, decode, encode_all, placeholder_of};
use crate::error::{self, Result};
use crate::heap::{Attrs, AttrsBuilder, Context, Str, Value};
use crate::interpret::Eval;
use crate::known::Known;
use crate::names::names;

/// Instantiates the derivation that `attrs` describes and returns its `drvPath` and outputs.
///
/// # Errors
///
/// A bad name, a missing attribute, or whatever the attributes meet.
pub(super) fn instantiate<'h>(
    eval: &mut Eval<'h>,
    attrs: Attrs<'h>,
    name: &[u8],
) -> Result<Value<'h>> {
    let name = String::from_utf8_lossy(name).into_owned();
    if let Err(error) = store::path::check_name(&name) {
        return Err(error::other(format!(
            "invalid derivation name: {error}. Please pass a different 'name'."
        )));
    }
    let mut draft = Draft::new(eval, attrs, &name)?;
    add_inputs(eval, &mut draft)?;
    check(&draft, &name)?;
    add_outputs(eval, &mut draft)?;
    let derivation = draft.derivation;
    let path = write_and_remember(eval, &derivation)?;
    result(eval, &path, &derivation)
}

/// Returns an error unless the experimental feature is on.
pub(super) fn require(eval: &Eval<'_>, feature: &str) -> Result<()> {
    if eval.settings().has_feature(feature) {
        Ok(())
    } else {
        Err(error::feature_disabled(feature))
    }
}

/// Makes everything that the attributes' strings depend on an input.
fn add_inputs<'h>(eval: &mut Eval<'h>, draft: &mut Draft<'h>) -> Result<()> {
    let derivation = &mut draft.derivation;
    for element in known_elements(eval, draft.context.context(eval.heap()))? {
        match element {
            Element::Opaque(path) => {
                derivation.input_sources.insert(path);
            }
            Element::Built { derivation: Derived::Path(path), output } => {
                derivation.input_derivations.entry(path).or_default().insert(output);
            }
            Element::Built { derivation: made @ Derived::Output { .. }, output } => {
                dynamic_input(derivation, &made).outputs.insert(output);
            }
            Element::Deep(path) => add_closure(eval.store(), derivation, path)?,
        }
    }
    Ok(())
}

/// As [`context::decode_all`](crate::context::decode_all), sorted only if the order can matter:
/// most derivations depend on what others depended on before.
fn known_elements(eval: &mut Eval<'_>, context: Option<Context<'_>>) -> Result<Vec<Element>> {
    let encoded = context.map_or(&[][..], Context::elements);
    let mut elements = encoded
        .iter()
        .map(|element| match eval.known.elements.get(element) {
            Some(known) => Ok(known.clone()),
            None => {
                let decoded = decode(*element)?;
                eval.known.elements.insert(*element, decoded.clone());
                Ok(decoded)
            }
        })
        .collect::<Result<Vec<_>>>()?;
    if elements.iter().any(|element| matches!(element, Element::Deep(_))) {
        elements.sort_unstable();
    }
    Ok(elements)
}

/// Returns what is needed of a derivation that is itself an output.
fn dynamic_input<'d>(derivation: &'d mut Derivation, made: &Derived) -> &'d mut DynamicInput {
    let mut outputs: Vec<&str> = Vec::new();
    let mut maker = made;
    while let Derived::Output { derivation, output } = maker {
        outputs.push(output);
        maker = derivation;
    }
    let mut path = outputs.into_iter().rev().map(str::to_owned);
    let first = path.next().unwrap_or_default();
    let made = derivation.dynamic_inputs.entry(maker.base().clone()).or_default();
    path.fold(made.entry(first).or_default(), |input, output| input.made.entry(output).or_default())
}

/// Makes a derivation's file, its whole closure and all outputs in that inputs.
fn add_closure(store: &dyn Store, derivation: &mut Derivation, root: StorePath) -> Result<()> {
    let references = |path: &StorePath| match store.path_info(path) {
        Ok(Some(info)) => Ok(info.references.into_iter().collect()),
        Ok(None) => {
            Err(error::io(format!("path '{}' is not valid", store.directory().display(path))))
        }
        Err(error) => Err(error::store(&error)),
    };
    for path in closure([root], references)? {
        if path.is_derivation() {
            let input = store.read_derivation(&path).map_err(|error| error::store(&error))?;
            let outputs: BTreeSet<String> = input.outputs.into_keys().collect();
            derivation.input_derivations.insert(path.clone(), outputs);
        }
        derivation.input_sources.insert(path);
    }
    Ok(())
}

fn check(draft: &Draft<'_>, name: &str) -> Result<()> {
    if draft.derivation.builder.is_empty() {
        return Err(error::other("required attribute 'builder' missing"));
    }
    if draft.derivation.system.is_empty() {
        return Err(error::other("required attribute 'system' missing"));
    }
    let makes_a_derivation = draft.method == Some(ContentMethod::Text) && draft.outputs == ["out"];
    if name.ends_with(EXTENSION) && !makes_a_derivation {
        return Err(error::other(format!(
            "derivation names are allowed to end in '{EXTENSION}' only if they produce a single \
             derivation file"
        )));
    }
    Ok(())
}

/// Adds the outputs, with their paths where these can be known.
fn add_outputs<'h>(eval: &mut Eval<'h>, draft: &mut Draft<'h>) -> Result<()> {
    let store = eval.store();
    let directory = store.directory();
    if let Some(hash) = &draft.output_hash {
        if draft.outputs != ["out"] {
            return Err(error::other(
                "multiple outputs are not supported in fixed-output derivations",
            ));
        }
        let digest = parse_hash(eval, hash, draft.algorithm)?;
        let method = draft.method.unwrap_or(ContentMethod::File(FileMethod::Flat));
        let output = Output::Fixed(ContentAddress::new(method, digest));
        let derivation = &mut draft.derivation;
        let path = output
            .path(directory, &derivation.name, "out")
            .map_err(|error| error::store(&error))?;
        if let Some(path) = path {
            derivation.environment.insert(b"out".to_vec(), directory.display(&path).into_bytes());
        }
        derivation.outputs.insert("out".to_owned(), output);
        return Ok(());
    }
    let derivation = &mut draft.derivation;
    if draft.is_content_addressed || draft.is_impure {
        if draft.is_content_addressed && draft.is_impure {
            return Err(error::other("derivation cannot be both content-addressed and impure"));
        }
        let algorithm = draft.algorithm.unwrap_or(HashAlgorithm::Sha256);
        let method = draft.method.unwrap_or(ContentMethod::File(FileMethod::Recursive));
        for name in &draft.outputs {
            let variable = placeholder(name).into_bytes();
            derivation.environment.insert(name.as_bytes().to_vec(), variable);
            let output = if draft.is_impure {
                Output::Impure { method, algorithm }
            } else {
                Output::Floating { method, algorithm }
            };
            derivation.outputs.insert(name.clone(), output);
        }
        return Ok(());
    }
    // The paths follow from the derivation with empty ones in their place.
    for name in &draft.outputs {
        derivation.environment.insert(name.as_bytes().to_vec(), Vec::new());
        derivation.outputs.insert(name.clone(), Output::Deferred);
    }
    let known = &mut eval.known;
    fill_output_paths(directory, derivation, &mut |input| modulo_of(known, store, input))
        .map_err(|error| error::store(&error))
}

/// Reads `outputHash`; an empty one stands for a hash that nobody knows yet.
fn parse_hash(eval: &Eval<'_>, text: &str, algorithm: Option<HashAlgorithm>) -> Result<Hash> {
    match algorithm {
        _ if !text.is_empty() => {
            let hash = Hash::parse(text, algorithm).map_err(|error| error::store(&error))?;
            if hash.algorithm() == HashAlgorithm::Blake3 {
                require(eval, "blake3-hashes")?;
            }
            Ok(hash)
        }
        Some(algorithm) => empty_hash(eval, algorithm),
        None => Err(error::other("empty hash requires explicit hash algorithm")),
    }
}

/// Returns the hash of zeros, which stands for one that nobody knows yet, and says so.
pub(crate) fn empty_hash(eval: &Eval<'_>, algorithm: HashAlgorithm) -> Result<Hash> {
    let zeros = vec![0; algorithm.size()];
    let Some(hash) = Hash::from_bytes(algorithm, &zeros) else {
        return Err(error::other("empty hash requires explicit hash algorithm"));
    };
    let warning = format!("warning: found empty hash, assuming '{hash}'");
    eval.system().message(warning.as_bytes());
    Ok(hash)
}

/// Writes the derivation's file, or computes its path when nothing may be written; keeps the hash
/// that stands for it in those that use it.
fn write_and_remember(eval: &mut Eval<'_>, derivation: &Derivation) -> Result<StorePath> {
    let store = eval.store();
    let directory = store.directory();
    let is_read_only = eval.settings().read_only;
    let known = &mut eval.known;
    let lookup = &mut |input: &StorePath| modulo_of(known, store, input);
    let (path, hash) = if is_read_only {
        let text = aterm::write_text(directory, derivation);
        text.and_then(|text| {
            let path = derivation.file_path(directory, text.bytes())?;
            Ok((path, hash_modulo_of_text(directory, derivation, &text, lookup)?))
        })
        .map_err(|error| error::store(&error))?
    } else {
        let path = store.add_derivation(derivation).map_err(|error| error::store(&error))?;
        let hash = hash_modulo(directory, derivation, lookup);
        (path, hash.map_err(|error| error::store(&error))?)
    };
    known.modulo.insert(path.clone(), hash);
    Ok(path)
}

/// Returns the hash of an input derivation: one of this evaluation, or one in the store.
fn modulo_of(
    known: &mut Known<'_>,
    store: &dyn Store,
    path: &StorePath,
) -> std::result::Result<HashModulo, DerivationError> {
    if let Some(hash) = known.modulo.get(path) {
        return Ok(hash.clone());
    }
    let derivation = store.read_derivation(path).map_err(|error| DerivationError::Input {
        name: path.name().to_owned(),
        input: path.clone(),
        problem: error.to_string(),
    })?;
    let hash =
        hash_modulo(store.directory(), &derivation, &mut |input| modulo_of(known, store, input))?;
    known.modulo.insert(path.clone(), hash.clone());
    Ok(hash)
}

fn result<'h>(eval: &Eval<'h>, path: &StorePath, derivation: &Derivation) -> Result<Value<'h>> {
    let heap = eval.heap();
    let directory = eval.store().directory();
    let mut result = AttrsBuilder::with_capacity(derivation.outputs.len() + 1);
    let context = encode_all(heap, &[Element::Deep(path.clone())]);
    let bytes = heap.arena().alloc_bytes(directory.display(path).as_bytes());
    result.push(names().drv_path, Value::string(heap, Str::with_context(bytes, context)));
    for (name, output) in &derivation.outputs {
        let value = output_string(eval, directory, path, derivation, (name, output))?;
        result.push_named(name, value);
    }
    Ok(result.finish_value(heap))
}

/// Returns an output as a string: its path, or what stands for that until it is built.
pub(crate) fn output_string<'h>(
    eval: &Eval<'h>,
    directory: &StoreDirectory,
    path: &StorePath,
    derivation: &Derivation,
    (name, output): (&str, &Output),
) -> Result<Value<'h>> {
    let heap = eval.heap();
    let known =
        output.path(directory, &derivation.name, name).map_err(|error| error::store(&error))?;
    let derived = Derived::Path(path.clone());
    let text = match known {
        Some(path) => directory.display(&path),
        None => placeholder_of(&derived, name),
    };
    let element = Element::Built { derivation: derived, output: name.to_owned() };
    let bytes = heap.arena().alloc_bytes(text.as_bytes());
    Ok(Value::string(heap, Str::with_context(bytes, encode_all(heap, &[element]))))
}
