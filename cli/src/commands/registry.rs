//! `nix registry`: what names of flakes stand for.

use crate::context::Context;
use crate::evaluation;
use crate::flags::{Flags, Word};
use crate::installable::{self, Features, Locking};
use crate::report::{Failure, Outcome};
use crate::settings;
use crate::stores::Access;
use eval::flake::fetch_tree;
use eval::flake::reference::{Reference, Refusal};
use eval::flake::registry::{self, Entry, Lookup, Owner};
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Runs `nix registry`.
///
/// # Errors
///
/// A command line that makes no sense, a registry that cannot be written, and trees that cannot be
/// fetched.
pub(super) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut locking = Locking::default();
    let mut file = None;
    let mut words = Vec::new();
    while let Some(word) = flags.next_word() {
        let flag = match word {
            Word::Operand(word) => {
                words.push(word);
                continue;
            }
            Word::Flag(flag) => flag,
        };
        if flag == "--registry" {
            file = Some(PathBuf::from(flags.own_value(&flag)?));
        } else if !(locking.take_flag(cx.ui, &flag, &mut flags)?
            || cx.settings.take_flag(cx.ui, &flag, &mut flags)?)
        {
            return Err(flags.unknown(&flag));
        }
    }
    installable::prepare(cx, Features::Flakes, true)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((&verb, operands)) = words.split_first() else {
        return Err(flags.wrong("'nix registry' requires a sub-command."));
    };
    let registry = || match file.clone().or_else(user_file) {
        Some(file) => Ok(File { path: file }),
        None => Err(Failure::new("there is no home directory to keep a registry in")),
    };
    match (verb, operands) {
        ("list", []) => list(cx),
        ("add", [from, to]) => add(cx, &registry()?, from, to),
        ("remove", [name]) => remove(cx, &registry()?, name),
        ("pin", [name]) => pin(cx, &registry()?, name, name),
        ("pin", [name, locked]) => pin(cx, &registry()?, name, locked),
        ("resolve", names) => resolve(cx, names, &locking),
        ("add", [] | [_]) => {
            let missing = if operands.is_empty() { "from-url' and 'to-url" } else { "to-url" };
            Err(flags.wrong(format!("more arguments are required: '{missing}'")))
        }
        ("remove" | "pin", []) => Err(flags.wrong("more arguments are required: 'url'")),
        ("list" | "add" | "remove" | "pin", _) => {
            let word = operands.last().copied().unwrap_or_default();
            Err(flags.wrong(format!("unexpected argument '{word}'")))
        }
        _ => Err(flags.wrong(format!("'{verb}' is not a recognised command"))),
    }
}

/// Returns the file of the user's registry.
fn user_file() -> Option<PathBuf> {
    settings::user_directory().map(|directory| directory.join("registry.json"))
}

/// A registry as a file.
struct File {
    path: PathBuf,
}

impl File {
    /// Reads what it knows; a file that is not there knows nothing.
    fn read(&self, cx: &Context) -> Outcome<Vec<Entry>> {
        let shown = self.path.display().to_string();
        match fs::read(&self.path) {
            Ok(text) => Ok(registry::parse(&text, &shown).unwrap_or_else(|problem| {
                cx.ui.warn(problem);
                Vec::new()
            })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Failure::during(format!("reading '{shown}'"))(error)),
        }
    }

    fn write(&self, entries: &[Entry]) -> Outcome {
        let writing = |error| Failure::during(format!("writing '{}'", self.path.display()))(error);
        if let Some(directory) = self.path.parent().filter(|it| *it != Path::new("")) {
            fs::create_dir_all(directory).map_err(writing)?;
        }
        fs::write(&self.path, registry::to_text(entries)).map_err(writing)
    }

    /// Makes a name stand for a tree, whatever it stood for.
    fn set(&self, cx: &Context, from: Reference, to: Reference) -> Outcome {
        let mut entries = self.read(cx)?;
        let bare = from.without_directory();
        entries.retain(|entry| entry.from.without_directory() != bare);
        entries.push(Entry { from: bare, to, is_exact: false });
        self.write(&entries)
    }
}

fn parse(text: &str) -> Outcome<Reference> {
    let parsed = Reference::parse(text, true).map_err(Refusal::into_message);
    parsed.map(|(reference, _)| reference).map_err(Failure::new)
}

fn list(cx: &Context) -> Outcome {
    let store = cx.lazy_store(Access::Write)?;
    let lines = evaluation::run(cx, &store, Access::Write, |eval| {
        let mut lines = String::new();
        for registry in registry::all(eval)? {
            let owner = match registry.owner {
                Owner::Flags => "flags ",
                Owner::User => "user  ",
                Owner::System => "system",
                Owner::Global => "global",
            };
            for entry in &registry.entries {
                let from = entry.from.without_directory().show();
                // Writing to a string never fails.
                let _ = writeln!(lines, "{owner} {from} {}", entry.to.show());
            }
        }
        Ok(lines)
    })?;
    Ok(cx.ui.data(lines)?)
}

fn add(cx: &Context, file: &File, from: &str, to: &str) -> Outcome {
    file.set(cx, parse(from)?, parse(to)?)
}

fn remove(cx: &Context, file: &File, name: &str) -> Outcome {
    let bare = parse(name)?.without_directory();
    let mut entries = file.read(cx)?;
    entries.retain(|entry| entry.from.without_directory() != bare);
    file.write(&entries)
}

fn pin(cx: &Context, file: &File, name: &str, locked: &str) -> Outcome {
    let (from, wanted) = (parse(name)?, parse(locked)?);
    let store = cx.lazy_store(Access::Write)?;
    let to = evaluation::run(cx, &store, Access::Write, |eval| {
        let resolved = registry::resolve(eval, &wanted, Lookup::All)?;
        let resolved = resolved.without_directory();
        Ok(fetch_tree(eval, &resolved)?.as_fetched(&resolved))
    })?;
    if !to.is_locked(cx.settings.is_on("trust-tarballs-from-git-forges")) {
        cx.ui.warn(format!("flake '{}' is not locked", to.show()));
    }
    let to = to.in_directory(&from.directory());
    file.set(cx, from, to)
}

fn resolve(cx: &Context, names: &[&str], locking: &Locking) -> Outcome {
    let store = cx.lazy_store(Access::Write)?;
    let lines = evaluation::run(cx, &store, Access::Write, |eval| {
        installable::take_inputs(eval, locking)?;
        let mut lines = String::new();
        for name in names {
            let resolved = registry::resolve(eval, &parse(name)?, locking.lookup())?;
            lines.push_str(&resolved.show());
            lines.push('\n');
        }
        Ok(lines)
    })?;
    Ok(cx.ui.data(lines)?)
}
