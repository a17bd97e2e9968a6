//! Registries: which trees names like `nixpkgs` stand for.
//!
//! The first entry of the first registry that knows a name counts: those of the command line, the
//! user's, the machine's, and the one for everybody.
//! Source: CppNix, `lookupInRegistries`.

use std::rc::Rc;

use serde_json::{Value as Json, json as json_of};
use store::fetch::{FetchKind, FetchOptions, FetchRequest};

use super::lock_file::{from_json, to_json};
use super::reference::{Reference, Refusal};
use crate::error::{self, Result};
use crate::heap::Heap;
use crate::interpret::Eval;
use crate::json;

/// How often a name may stand for another one.
const STEPS_MAX: usize = 100;
/// The name of the store object that a registry becomes.
const OBJECT: &str = "flake-registry.json";

/// Whose a registry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The command line's.
    Flags,
    /// The user's.
    User,
    /// The machine's.
    System,
    /// Everybody's.
    Global,
}

/// Which registries are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// All of them.
    #[default]
    All,
    /// Those that do not depend on who asks, or where: the command line's and everybody's.
    Limited,
    /// None.
    Never,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name.
    pub from: Reference,
    /// What it stands for.
    pub to: Reference,
    /// Whether the name must be exactly that, with nothing more behind it.
    pub is_exact: bool,
}

/// A registry.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Whose it is.
    pub owner: Owner,
    /// What it knows.
    pub entries: Vec<Entry>,
}

/// Reads the text of a registry.
///
/// # Errors
///
/// A text that is none.
pub fn parse(text: &[u8], shown: &str) -> std::result::Result<Vec<Entry>, String> {
    let json: Json = serde_json::from_slice(text).map_err(|problem| {
        // The evaluator's own parser has the oracle's words.
        let words = json::read::read(&Heap::new(), text).err().map(|error| error.message);
        let words = words.unwrap_or_else(|| problem.to_string());
        format!("cannot parse flake registry '{shown}': {words}")
    })?;
    let version = json.get("version").and_then(Json::as_u64).unwrap_or(0);
    if version != 2 {
        return Err(format!(
            "cannot read flake registry '{shown}': error: flake registry '{shown}' has \
             unsupported version {version}"
        ));
    }
    let flakes = json.get("flakes").and_then(Json::as_array).into_iter().flatten();
    let entry = |json: &Json| -> std::result::Result<Entry, String> {
        let reference = |name: &str| {
            let json = json.get(name).ok_or_else(|| format!("'{name}' is missing"))?;
            Reference::from_attrs(from_json(json)?, true).map_err(Refusal::into_message)
        };
        let is_exact = json.get("exact").and_then(Json::as_bool).unwrap_or(false);
        Ok(Entry { from: reference("from")?, to: reference("to")?, is_exact })
    };
    let entries: std::result::Result<Vec<Entry>, String> = flakes.map(entry).collect();
    entries.map_err(|problem| format!("cannot read flake registry '{shown}': error: {problem}"))
}

/// Writes the text of a registry.
pub fn to_text(entries: &[Entry]) -> String {
    let entry = |entry: &Entry| {
        let mut json = json_of!({
            "from": to_json(&entry.from.to_attrs()),
            "to": to_json(&entry.to.to_attrs()),
        });
        if let (Json::Object(json), true) = (&mut json, entry.is_exact) {
            json.insert("exact".to_owned(), true.into());
        }
        json
    };
    let flakes: Vec<Json> = entries.iter().map(entry).collect();
    // An empty list is null to CppNix, and so it writes it.
    let flakes = if flakes.is_empty() { Json::Null } else { flakes.into() };
    format!("{:#}", json_of!({ "flakes": flakes, "version": 2 }))
}

/// Returns the registries, in the order in which they are asked.
///
/// # Errors
///
/// When the one for everybody cannot be fetched.
pub fn all(eval: &mut Eval<'_>) -> Result<Vec<Registry>> {
    let flags = eval.known.flag_registry.clone();
    let mut registries = vec![Registry { owner: Owner::Flags, entries: flags }];
    if eval.known.registries.is_none() {
        let settings = eval.settings().fetch.clone();
        let mut read = Vec::new();
        for (owner, file) in
            [(Owner::User, &settings.user_registry), (Owner::System, &settings.system_registry)]
        {
            let entries = file.as_ref().map(|file| of_file(eval, file)).unwrap_or_default();
            read.push(Registry { owner, entries });
        }
        let entries = global(eval, &settings.global_registry)?;
        read.push(Registry { owner: Owner::Global, entries });
        eval.known.registries = Some(Rc::new(read));
    }
    registries.extend(eval.known.registries.iter().flat_map(|it| it.iter().cloned()));
    Ok(registries)
}

/// Makes the command line's registry know a name.
pub fn add_flag(eval: &mut Eval<'_>, entry: Entry) {
    eval.known.flag_registry.push(entry);
}

fn of_file(eval: &Eval<'_>, file: &[u8]) -> Vec<Entry> {
    match eval.system().read_file(file) {
        Ok(text) => entries(eval, &text, &String::from_utf8_lossy(file)),
        Err(_) => Vec::new(),
    }
}

/// Reads a registry; one that cannot be read knows nothing.
fn entries(eval: &Eval<'_>, text: &[u8], shown: &str) -> Vec<Entry> {
    parse(text, shown).unwrap_or_else(|problem| {
        eval.system().message(format!("warning: {problem}").as_bytes());
        Vec::new()
    })
}

fn global(eval: &Eval<'_>, place: &str) -> Result<Vec<Entry>> {
    if place.is_empty() {
        return Ok(Vec::new());
    }
    if place.starts_with('/') {
        return Ok(of_file(eval, place.as_bytes()));
    }
    let request = FetchRequest {
        url: place.to_owned(),
        kind: FetchKind::File,
        name: OBJECT.to_owned(),
        expected: None,
        headers: Vec::new(),
    };
    let store = eval.store();
    let fetched = store.fetch(&request, &FetchOptions::default(), &store::event::Silent);
    let path = fetched.map_err(|error| error::store(&error))?;
    let text = store.read_text(&path).map_err(|error| error::store(&error))?;
    Ok(entries(eval, &text, place))
}

/// Returns what a reference stands for; one that names a tree itself stands for itself.
///
/// # Errors
///
/// A name that nobody knows, or one that leads back to itself.
pub fn resolve(eval: &mut Eval<'_>, wanted: &Reference, lookup: Lookup) -> Result<Reference> {
    if wanted.is_direct() {
        return Ok(wanted.clone());
    }
    if lookup == Lookup::Never || !eval.settings().fetch.use_registries {
        return Err(error::other(format!(
            "'{}' is an indirect flake reference, but registry lookups are not allowed",
            wanted.show()
        )));
    }
    let registries = all(eval)?;
    let is_asked =
        |owner: Owner| lookup == Lookup::All || matches!(owner, Owner::Flags | Owner::Global);
    let known = registries.iter().filter(|it| is_asked(it.owner)).flat_map(|it| &it.entries);
    let known: Vec<&Entry> = known.collect();
    let mut found = wanted.clone();
    for _ in 0..STEPS_MAX {
        let Some(next) = step(&known, &found)? else {
            if found.is_direct() {
                return Ok(found);
            }
            let shown = found.without_directory().show();
            return Err(error::other(format!(
                "cannot find flake '{shown}' in the flake registries"
            )));
        };
        // The directory is that of the last one that names one.
        found =
            if next.directory().is_empty() { next.in_directory(&wanted.directory()) } else { next };
    }
    let shown = found.show();
    Err(error::other(format!("cycle detected in flake registry for '{shown}'")))
}

fn step(entries: &[&Entry], input: &Reference) -> Result<Option<Reference>> {
    let bare = input.without_directory();
    for entry in entries {
        let from = entry.from.without_directory();
        if from == bare {
            return Ok(Some(entry.to.clone()));
        }
        if !entry.is_exact && from == bare.without(&["ref", "rev"]) {
            let reference = input.text("ref").filter(|_| from.text("ref").is_none());
            let revision = input.text("rev").filter(|_| from.text("rev").is_none());
            let to = entry.to.with_revision(reference, revision);
            return to.map(Some).map_err(Refusal::into_error);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{parse, to_text};

    #[test]
    fn what_is_written_is_read() {
        let text = br#"{"version": 2, "flakes": [{"exact": true,
            "from": {"type": "indirect", "id": "a"},
            "to": {"type": "path", "path": "/b", "dir": "c"}}]}"#;
        let entries = parse(text, "r").expect("a registry");
        assert!(entries.iter().all(|entry| entry.is_exact));
        assert_eq!(parse(to_text(&entries).as_bytes(), "r"), Ok(entries));
        assert_eq!(parse(to_text(&[]).as_bytes(), "r"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_registry_is_told() {
        let problem = parse(b"{", "r").expect_err("it is cut short");
        assert!(problem.starts_with("cannot parse flake registry 'r': "), "{problem}");
        let problem = parse(b"{}", "r").expect_err("it has no version");
        assert!(problem.ends_with("has unsupported version 0"), "{problem}");
    }
}
