//! The text of a `.drv` file: strict reading, exact writing.
//!
//! `Derive([("out","/nix/store/…","",""),…],[("….drv",["out"]),…],[…],"system","builder",[…],[…])`
//! without spaces, every list sorted except the arguments, and only `"`, `\`, line feed, carriage
//! return and tab escaped.
//! Where an input is itself an output, the text is `DrvWithVersion("xp-dyn-drv",…)`, and what is
//! needed of such a derivation stands beside its own outputs: `(["out"],[("out",["dev"])])`.
//! Reading takes time proportional to the text and neither recurses nor trusts a length.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::content_address::{ContentAddress, ContentMethod};
use crate::derivation::{Derivation, DerivationError, DynamicInput, Output};
use crate::hash::{Hash, HashAlgorithm, append_hex};
use crate::path::{StoreDirectory, StorePath, check_name};

/// How the text begins.
const PLAIN: &[u8] = b"Derive(";
/// How it begins where an input is itself an output.
const DYNAMIC: &[u8] = b"DrvWithVersion(\"xp-dyn-drv\",";

/// The deepest nesting of derivations that make derivations.
const DYNAMIC_MAX: usize = 64;

/// What stands for an impure output's hash.
const IMPURE: &[u8] = b"impure";

/// Reads the derivation `name` (without `.drv`) from the contents of its file.
///
/// # Errors
///
/// Anything but one well-formed derivation, with the byte where it goes wrong.
pub fn read(
    directory: &StoreDirectory,
    name: &str,
    text: &[u8],
) -> Result<Derivation, DerivationError> {
    let mut reader = Reader { directory, text, offset: 0 };
    reader.derivation(name).map_err(|problem| DerivationError::Malformed {
        name: name.to_owned(),
        offset: reader.offset,
        problem,
    })
}

struct Reader<'t> {
    directory: &'t StoreDirectory,
    text: &'t [u8],
    offset: usize,
}

type Read<T> = Result<T, String>;

impl Reader<'_> {
    fn derivation(&mut self, name: &str) -> Read<Derivation> {
        let mut derivation = Derivation { name: name.to_owned(), ..Derivation::default() };
        let is_dynamic = self.text.starts_with(DYNAMIC);
        self.expect(if is_dynamic { DYNAMIC } else { PLAIN })?;
        self.list(|reader| {
            let (output, value) = reader.output(name)?;
            derivation.outputs.insert(output, value);
            Ok(())
        })?;
        self.expect(b",")?;
        self.list(|reader| {
            reader.expect(b"(")?;
            let path = reader.path()?;
            reader.expect(b",")?;
            let input = reader.input(if is_dynamic { DYNAMIC_MAX } else { 0 })?;
            reader.expect(b")")?;
            if !input.made.is_empty() {
                derivation.dynamic_inputs.insert(path.clone(), input.made);
            }
            if !input.outputs.is_empty() || !derivation.dynamic_inputs.contains_key(&path) {
                derivation.input_derivations.insert(path, input.outputs);
            }
            Ok(())
        })?;
        self.expect(b",")?;
        self.list(|reader| {
            derivation.input_sources.insert(reader.path()?);
            Ok(())
        })?;
        self.expect(b",")?;
        derivation.system = self.string()?;
        self.expect(b",")?;
        derivation.builder = self.string()?;
        self.expect(b",")?;
        self.list(|reader| {
            derivation.arguments.push(reader.string()?);
            Ok(())
        })?;
        self.expect(b",")?;
        self.list(|reader| {
            reader.expect(b"(")?;
            let name = reader.string()?;
            reader.expect(b",")?;
            let value = reader.string()?;
            reader.expect(b")")?;
            derivation.environment.insert(name, value);
            Ok(())
        })?;
        self.expect(b")")?;
        if self.offset != self.text.len() {
            return Err("expected the end of the file".to_owned());
        }
        Ok(derivation)
    }

    fn output(&mut self, derivation: &str) -> Read<(String, Output)> {
        self.expect(b"(")?;
        let name = self.utf8()?;
        check_name(&name).map_err(|error| error.to_string())?;
        self.expect(b",")?;
        let path = self.utf8()?;
        self.expect(b",")?;
        let algorithm = self.utf8()?;
        self.expect(b",")?;
        let digest = self.string()?;
        let output = self.output_value(derivation, &name, &path, &algorithm, &digest)?;
        self.expect(b")")?;
        Ok((name, output))
    }

    fn output_value(
        &self,
        derivation: &str,
        name: &str,
        path: &str,
        algorithm: &str,
        digest: &[u8],
    ) -> Read<Output> {
        if algorithm.is_empty() {
            return match (path, digest) {
                ("", b"") => Ok(Output::Deferred),
                (_, b"") => Ok(Output::InputAddressed(self.parse_path(path)?)),
                _ => Err(format!("output '{name}' has a hash but no hash algorithm")),
            };
        }
        let (method, algorithm) = ContentMethod::split(algorithm);
        let algorithm = HashAlgorithm::parse(algorithm)
            .ok_or_else(|| format!("unknown hash algorithm '{algorithm}'"))?;
        if digest == IMPURE || digest.is_empty() {
            if !path.is_empty() {
                return Err(format!(
                    "output '{name}' has a path, but no hash it could follow from"
                ));
            }
            return Ok(if digest.is_empty() {
                Output::Floating { method, algorithm }
            } else {
                Output::Impure { method, algorithm }
            });
        }
        let digits = std::str::from_utf8(digest).map_err(|error| error.to_string())?;
        let digest = Hash::parse(digits, Some(algorithm)).map_err(|error| error.to_string())?;
        let output = Output::Fixed(ContentAddress::new(method, digest));
        let expected =
            output.path(self.directory, derivation, name).map_err(|error| error.to_string())?;
        if Some(self.parse_path(path)?) != expected {
            return Err(format!("output '{name}' has path '{path}', which its hash does not give"));
        }
        Ok(output)
    }

    /// Reads what is needed of a derivation, which may make others to a depth of `depth_max`.
    fn input(&mut self, depth_max: usize) -> Read<DynamicInput> {
        let mut input = DynamicInput::default();
        let makes_others = depth_max > 0 && self.peek() == Some(b'(');
        if makes_others {
            self.expect(b"(")?;
        }
        self.list(|reader| {
            input.outputs.insert(reader.utf8()?);
            Ok(())
        })?;
        if makes_others {
            self.expect(b",")?;
            self.list(|reader| {
                reader.expect(b"(")?;
                let output = reader.utf8()?;
                reader.expect(b",")?;
                input.made.insert(output, reader.input(depth_max - 1)?);
                reader.expect(b")")
            })?;
            self.expect(b")")?;
        }
        Ok(input)
    }

    /// Reads `[ITEM,…]`, each item by `item`, which must consume something or fail.
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(b"[")?;
        if self.peek() == Some(b']') {
            self.offset += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            match self.peek() {
                Some(b',') => self.offset += 1,
                Some(b']') => {
                    self.offset += 1;
                    return Ok(());
                }
                _ => return Err("expected ',' or ']'".to_owned()),
            }
        }
    }

    fn string(&mut self) -> Read<Vec<u8>> {
        self.expect(b"\"")?;
        let mut value = Vec::new();
        loop {
            let rest = self.text.get(self.offset..).unwrap_or_default();
            let Some(plain) = memchr::memchr2(b'"', b'\\', rest) else {
                self.offset = self.text.len();
                return Err("string is not closed".to_owned());
            };
            value.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.offset += plain + 1;
            if rest.get(plain) == Some(&b'"') {
                return Ok(value);
            }
            let escaped = self.peek().ok_or("string is not closed")?;
            self.offset += 1;
            value.push(match escaped {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => other,
            });
        }
    }

    fn utf8(&mut self) -> Read<String> {
        String::from_utf8(self.string()?).map_err(|_| "expected UTF-8 text".to_owned())
    }

    fn path(&mut self) -> Read<StorePath> {
        let text = self.utf8()?;
        self.parse_path(&text)
    }

    fn parse_path(&self, text: &str) -> Read<StorePath> {
        self.directory.parse(text).map_err(|error| error.to_string())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.offset).copied()
    }

    fn expect(&mut self, expected: &[u8]) -> Read<()> {
        let rest = self.text.get(self.offset..).unwrap_or_default();
        if !rest.starts_with(expected) {
            return Err(format!("expected '{}'", String::from_utf8_lossy(expected)));
        }
        self.offset += expected.len();
        Ok(())
    }
}

/// What is written in place of an output's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputPaths {
    /// The paths themselves, as in the file.
    Shown,
    /// Nothing, also for the variables named like outputs: the text that output paths follow from.
    Masked,
}

/// The text of a derivation's file.
#[derive(Clone, Debug)]
pub struct Text {
    pub(super) bytes: Vec<u8>,
    /// Where the input derivations stand in it, without the brackets.
    pub(super) inputs: Range<usize>,
}

impl Text {
    /// Returns the text itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes the text of a derivation's file.
///
/// # Errors
///
/// Names that cannot be part of a store path.
pub fn write(
    directory: &StoreDirectory,
    derivation: &Derivation,
) -> Result<Vec<u8>, DerivationError> {
    Ok(write_text(directory, derivation)?.bytes)
}

/// As [`write`]; the hash that stands for the derivation in others can be had from the result, see
/// [`hash_modulo_of_text`](super::modulo::hash_modulo_of_text).
///
/// # Errors
///
/// As [`write`].
pub fn write_text(
    directory: &StoreDirectory,
    derivation: &Derivation,
) -> Result<Text, DerivationError> {
    write_with_inputs(directory, derivation, OutputPaths::Shown, |writer| {
        if derivation.dynamic_inputs.is_empty() {
            let inputs = derivation.input_derivations.iter();
            writer.separated(inputs, |writer, (path, outputs)| {
                writer.raw(b"(");
                writer.path(directory, path);
                writer.needs(Input { outputs, made: None });
            });
            return;
        }
        let none = BTreeSet::new();
        let mut inputs = BTreeMap::new();
        for path in derivation.input_derivations.keys().chain(derivation.dynamic_inputs.keys()) {
            let outputs = derivation.input_derivations.get(path).unwrap_or(&none);
            inputs.insert(path, Input { outputs, made: derivation.dynamic_inputs.get(path) });
        }
        writer.separated(inputs.iter(), |writer, (path, input)| {
            writer.raw(b"(");
            writer.path(directory, path);
            writer.needs(*input);
        });
    })
}

/// Writes the text with the inputs that follow from `digests`, sorted pairs of a digest and an
/// output, in place of the input derivations.
pub(super) fn write_with_digests(
    directory: &StoreDirectory,
    derivation: &Derivation,
    paths: OutputPaths,
    digests: &[(Hash, &str)],
) -> Result<Vec<u8>, DerivationError> {
    let text = write_with_inputs(directory, derivation, paths, |writer| writer.digests(digests))?;
    Ok(text.bytes)
}

/// Writes only the inputs of [`write_with_digests`].
pub(super) fn write_digests(digests: &[(Hash, &str)]) -> Vec<u8> {
    let mut writer = Writer { text: Vec::with_capacity(digests.len() * 96) };
    writer.digests(digests);
    writer.text
}

/// What is needed of an input derivation.
#[derive(Clone, Copy, Debug)]
struct Input<'i> {
    outputs: &'i BTreeSet<String>,
    made: Option<&'i BTreeMap<String, DynamicInput>>,
}

fn write_with_inputs(
    directory: &StoreDirectory,
    derivation: &Derivation,
    paths: OutputPaths,
    inputs: impl FnOnce(&mut Writer),
) -> Result<Text, DerivationError> {
    let mut writer = Writer { text: Vec::with_capacity(text_size(derivation)) };
    let is_dynamic = !derivation.dynamic_inputs.is_empty();
    writer.raw(if is_dynamic { DYNAMIC } else { PLAIN });
    writer.raw(b"[");
    writer.outputs(directory, derivation, paths)?;
    writer.raw(b"],[");
    let start = writer.text.len();
    inputs(&mut writer);
    let inputs = start..writer.text.len();
    writer.raw(b"],[");
    writer.separated(derivation.input_sources.iter(), |writer, path| {
        writer.path(directory, path);
    });
    writer.raw(b"],");
    writer.string(&derivation.system);
    writer.raw(b",");
    writer.string(&derivation.builder);
    writer.raw(b",[");
    writer.separated(derivation.arguments.iter(), |writer, argument| writer.string(argument));
    writer.raw(b"],[");
    writer.separated(derivation.environment.iter(), |writer, (name, value)| {
        writer.raw(b"(");
        writer.string(name);
        writer.raw(b",");
        let is_output =
            || std::str::from_utf8(name).is_ok_and(|name| derivation.outputs.contains_key(name));
        writer.string(if paths == OutputPaths::Masked && is_output() { b"" } else { value });
        writer.raw(b")");
    });
    writer.raw(b"])");
    Ok(Text { bytes: writer.text, inputs })
}

/// Returns a good guess of the text's length in bytes, so that writing seldom grows the buffer.
fn text_size(derivation: &Derivation) -> usize {
    const PATH: usize = 96;
    let strings = derivation.arguments.iter().map(|argument| argument.len() + 16);
    let variables =
        derivation.environment.iter().map(|(name, value)| name.len() + value.len() + 16);
    let paths = derivation.outputs.len() * 2
        + derivation.input_derivations.len()
        + derivation.input_sources.len();
    256 + paths * PATH + strings.chain(variables).sum::<usize>()
}

struct Writer {
    text: Vec<u8>,
}

impl Writer {
    fn raw(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// Writes a string that is known to need no escapes.
    fn quoted(&mut self, value: &str) {
        self.raw(b"\"");
        self.raw(value.as_bytes());
        self.raw(b"\"");
    }

    fn string(&mut self, value: &[u8]) {
        let find = |from: usize, found: fn(&[u8]) -> Option<usize>| {
            found(value.get(from..).unwrap_or_default()).map_or(value.len(), |at| from + at)
        };
        let quote: fn(&[u8]) -> Option<usize> = |text| memchr::memchr2(b'"', b'\\', text);
        let space: fn(&[u8]) -> Option<usize> = |text| memchr::memchr3(b'\n', b'\r', b'\t', text);
        let (mut next_quote, mut next_space) = (find(0, quote), find(0, space));
        let mut start = 0;
        self.raw(b"\"");
        loop {
            let end = next_quote.min(next_space);
            self.raw(value.get(start..end).unwrap_or_default());
            let Some(byte) = value.get(end) else { break };
            self.raw(match byte {
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                b'"' => b"\\\"",
                _ => b"\\\\",
            });
            start = end + 1;
            if end == next_quote {
                next_quote = find(start, quote);
            } else {
                next_space = find(start, space);
            }
        }
        self.raw(b"\"");
    }

    /// Writes a store path.
    fn path(&mut self, directory: &StoreDirectory, path: &StorePath) {
        self.raw(b"\"");
        self.raw(directory.as_str().as_bytes());
        self.raw(b"/");
        self.raw(path.base_name().as_bytes());
        self.raw(b"\"");
    }

    /// Writes inputs by their digests.
    fn digests(&mut self, digests: &[(Hash, &str)]) {
        let mut last: Option<&Hash> = None;
        for (digest, output) in digests {
            if last == Some(digest) {
                self.raw(b",");
            } else {
                self.raw(if last.is_none() { b"(\"" } else { b"]),(\"" });
                append_hex(digest.bytes(), &mut self.text);
                self.raw(b"\",[");
                last = Some(digest);
            }
            self.quoted(output);
        }
        if last.is_some() {
            self.raw(b"])");
        }
    }

    /// Writes what is needed of the derivation whose name was written last.
    fn needs(&mut self, input: Input<'_>) {
        self.raw(b",");
        let made = input.made.filter(|made| !made.is_empty());
        self.raw(if made.is_some() { b"([" } else { b"[" });
        self.separated(input.outputs.iter(), |writer, output| writer.quoted(output));
        self.raw(b"]");
        if let Some(made) = made {
            self.raw(b",[");
            self.separated(made.iter(), |writer, (output, input)| {
                writer.raw(b"(");
                writer.quoted(output);
                writer.needs(Input { outputs: &input.outputs, made: Some(&input.made) });
            });
            self.raw(b"])");
        }
        self.raw(b")");
    }

    fn separated<T>(&mut self, items: impl Iterator<Item = T>, write: impl Fn(&mut Self, T)) {
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.raw(b",");
            }
            write(self, item);
        }
    }

    fn outputs(
        &mut self,
        directory: &StoreDirectory,
        derivation: &Derivation,
        paths: OutputPaths,
    ) -> Result<(), DerivationError> {
        for (index, (name, output)) in derivation.outputs.iter().enumerate() {
            self.raw(if index == 0 { b"(" } else { b",(" });
            self.quoted(name);
            self.raw(b",");
            let path = output
                .path(directory, &derivation.name, name)
                .map_err(|source| derivation.path_error(source))?;
            match (path, paths) {
                (Some(path), OutputPaths::Shown) => self.quoted(&directory.display(&path)),
                (None, _) | (_, OutputPaths::Masked) => self.quoted(""),
            }
            let (algorithm, digest) = match output {
                Output::InputAddressed(_) | Output::Deferred => (String::new(), String::new()),
                Output::Fixed(address) => (
                    method_and_algorithm(address.method(), address.digest().algorithm()),
                    address.digest().to_hex(),
                ),
                Output::Floating { method, algorithm } => {
                    (method_and_algorithm(*method, *algorithm), String::new())
                }
                Output::Impure { method, algorithm } => {
                    (method_and_algorithm(*method, *algorithm), "impure".to_owned())
                }
            };
            self.raw(b",");
            self.quoted(&algorithm);
            self.raw(b",");
            self.quoted(&digest);
            self.raw(b")");
        }
        Ok(())
    }
}

/// Writes a method and an algorithm as `.drv` files do, such as `r:sha256`.
pub(super) fn method_and_algorithm(method: ContentMethod, algorithm: HashAlgorithm) -> String {
    format!("{}{algorithm}", method.prefix())
}
