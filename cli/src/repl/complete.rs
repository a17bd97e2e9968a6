//! What may stand before the cursor: commands, variables, attributes, files.

use crate::interrupt;
use eval::builtins;
use eval::interpret::{Eval, Variables};
use eval::print::push_name;
use eval::source::Origin;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How long the evaluation behind a completion may take.
const TIME_MAX: Duration = Duration::from_secs(1);
/// Characters that no name and no path holds.
const BREAKS: &[char] =
    &[' ', '\n', '\r', '\t', '(', ')', '{', '}', '[', ']', ';', ',', '=', '"', '!', '@', ':'];
/// Words that begin an expression, or part its parts.
const KEYWORDS: [&str; 9] = ["assert", "else", "if", "in", "inherit", "let", "rec", "then", "with"];

/// What could stand from `start` to the cursor.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Candidate {
    /// The byte from which on it replaces the text.
    pub(super) start: usize,
    /// What would stand there.
    pub(super) text: String,
}

/// What stands before the cursor, unfinished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unfinished<'t> {
    /// A command.
    Command(&'t str),
    /// A path of the host.
    Path(&'t str),
    /// A name after `<`.
    Lookup(&'t str),
    /// An attribute of what is written before the dot.
    Attribute(&'t str, &'t str),
    /// A variable.
    Variable(&'t str),
}

/// Returns what may stand before the cursor, in order.
///
/// What is before a dot is evaluated if it is only names: nothing is called, and not for long.
pub(super) fn candidates<'h>(
    eval: &mut Eval<'h>,
    variables: &mut Variables<'h>,
    before: &str,
) -> Vec<Candidate> {
    let unfinished = unfinished(before);
    let (part, names) = match unfinished {
        Unfinished::Command(part) => (part, commands()),
        Unfinished::Path(part) => {
            let (directory, name) = part.split_at(part.rfind('/').map_or(0, |at| at + 1));
            (name, files(directory, name))
        }
        Unfinished::Lookup(part) => (part, lookup_names(eval)),
        Unfinished::Attribute(base, part) => (part, attributes(eval, variables, base)),
        Unfinished::Variable(part) => (part, variable_names(variables)),
    };
    let start = before.len() - part.len();
    let fitting = names.into_iter().filter(|name| name.starts_with(part));
    fitting.map(|text| Candidate { start, text }).collect()
}

fn unfinished(before: &str) -> Unfinished<'_> {
    let line = before.trim_start();
    if line.starts_with(':') {
        match line.split_once(char::is_whitespace) {
            None => return Unfinished::Command(line),
            Some((":l" | ":load", path)) => return Unfinished::Path(path.trim_start()),
            Some(_) => {}
        }
    }
    let start = before.rfind(BREAKS).map_or(0, |at| at + 1);
    let word = before.get(start..).unwrap_or_default();
    if let Some(name) = word.strip_prefix('<') {
        return Unfinished::Lookup(name);
    }
    if word.contains('/') {
        return Unfinished::Path(word);
    }
    match word.rsplit_once('.') {
        Some((base, part)) => Unfinished::Attribute(base, part),
        None => Unfinished::Variable(word),
    }
}

fn commands() -> BTreeSet<String> {
    let names = super::command::COMMANDS.iter().flat_map(|command| command.names);
    names.map(|name| (*name).to_owned()).collect()
}

fn variable_names(variables: &Variables<'_>) -> BTreeSet<String> {
    let own = variables.names().map(|name| name.to_text().into_owned());
    let global = builtins::global_names().chain(KEYWORDS).map(str::to_owned);
    own.filter(|name| is_name(name)).chain(global).collect()
}

/// Returns the names that the search path gives files.
fn lookup_names(eval: &Eval<'_>) -> BTreeSet<String> {
    let prefixes = eval.settings().search_path.iter().map(|(prefix, _)| prefix);
    let named = prefixes.filter(|prefix| !prefix.is_empty());
    named.map(|prefix| format!("{}>", String::from_utf8_lossy(prefix))).collect()
}

/// Returns the names in a directory; those with a dot in front only if `part` has one, too.
fn files(directory: &str, part: &str) -> BTreeSet<String> {
    let home = || crate::env_vars::HOME.text().map(|home| format!("{home}/"));
    let place = match directory.strip_prefix("~/") {
        Some(rest) => format!("{}{rest}", home().unwrap_or_default()),
        None if directory.is_empty() => "./".to_owned(),
        None => directory.to_owned(),
    };
    let Ok(entries) = std::fs::read_dir(Path::new(&place)) else { return BTreeSet::new() };
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let is_wanted = !name.starts_with('.') || part.starts_with('.');
        let slash = if entry.path().is_dir() { "/" } else { "" };
        is_wanted.then(|| format!("{name}{slash}"))
    };
    entries.flatten().filter_map(name).collect()
}

/// Returns the names in the set that `base` evaluates to.
fn attributes<'h>(
    eval: &mut Eval<'h>,
    variables: &mut Variables<'h>,
    base: &str,
) -> BTreeSet<String> {
    if !base.split('.').all(is_name) {
        return BTreeSet::new();
    }
    let origin = Origin::String(crate::evaluation::base(eval));
    let value = in_time(|| eval.evaluate_with(origin, base.as_bytes(), variables));
    let attrs = value.ok().and_then(eval::heap::Value::as_attrs);
    let Some(attrs) = attrs else { return BTreeSet::new() };
    let written = |name: eval::heap::Symbol| {
        let mut text = Vec::new();
        push_name(&mut text, name.as_bytes());
        String::from_utf8_lossy(&text).into_owned()
    };
    attrs.iter(eval.heap()).map(|attr| written(attr.name)).collect()
}

/// Does work that is stopped, as by Ctrl-C, when it takes too long.
fn in_time<T>(work: impl FnOnce() -> T) -> T {
    interrupt::forget();
    let (done, is_done) = channel::<()>();
    let result = std::thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(TIME_MAX) == Err(RecvTimeoutError::Timeout) {
                interrupt::stop();
            }
        });
        let result = work();
        drop(done);
        result
    });
    interrupt::forget();
    result
}

/// Whether a text is a name as it may stand without quotes.
fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    let inside = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '\'');
    starts && text.chars().all(inside)
}

#[cfg(test)]
mod tests {
    use super::{Unfinished, candidates, unfinished};
    use eval::heap::Heap;
    use eval::interpret::{Eval, Variables};
    use eval::settings::Settings;
    use eval::source::{HOST, Origin, SourcePath};
    use eval::system::MemorySystem;
    use std::sync::{Mutex, PoisonError};
    use store::{MemoryStore, StoreDirectory};

    /// Held by each case, because what stops an evaluation stops all of the process.
    static ALONE: Mutex<()> = Mutex::new(());

    /// Returns the candidates in a session in which `bindings` were made.
    fn found(bindings: &str, before: &str) -> Vec<String> {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let heap = Heap::new();
        let system = MemorySystem::default();
        let mut settings = Settings { cancel: crate::interrupt::watch(), ..Settings::default() };
        settings.search_path.push((b"nixpkgs".to_vec(), b"/n".to_vec()));
        let store = MemoryStore::new(StoreDirectory::default());
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let mut variables = Variables::default();
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        let set = eval.bindings_with(origin, bindings.as_bytes(), &mut variables);
        variables.add(&eval, set.expect("good bindings"));
        let all = candidates(&mut eval, &mut variables, before);
        all.into_iter()
            .map(|candidate| {
                let kept = before.get(..candidate.start).expect("a place in the text");
                format!("{kept}{}", candidate.text)
            })
            .collect()
    }

    #[test]
    fn variables_are_those_of_the_session_and_the_global_ones() {
        assert_eq!(found("tea = 1; teapot = 2;", "1 + te"), ["1 + tea", "1 + teapot"]);
        assert_eq!(found("", "(toS"), ["(toString"]);
        assert_eq!(found("", "inh"), ["inherit"]);
    }

    #[test]
    fn attributes_are_those_of_what_stands_before_the_dot() {
        let bindings = "cup = { color = 1; cover = { deep = 2; }; \"a b\" = 3; };";
        assert_eq!(found(bindings, "f cup.co"), ["f cup.color", "f cup.cover"]);
        assert_eq!(found(bindings, "cup.cover."), ["cup.cover.deep"]);
        assert_eq!(found(bindings, "cup."), ["cup.\"a b\"", "cup.color", "cup.cover"]);
        assert_eq!(found(bindings, "builtins.mapA"), ["builtins.mapAttrs"]);
    }

    #[test]
    fn what_fails_or_is_more_than_names_has_no_attributes() {
        assert!(found("bad = throw \"x\";", "bad.").is_empty());
        assert!(found("f = x: { a = 1; };", "(f 1).").is_empty());
        assert!(found("", "none.").is_empty());
    }

    #[test]
    fn an_evaluation_that_takes_too_long_is_stopped() {
        let bindings = "slow = let f = n: if n == 0 then 1 else f (n - 1) + f (n - 1); \
                        in builtins.seq (f 60) { a = 1; };";
        assert!(found(bindings, "slow.").is_empty());
    }

    #[test]
    fn commands_and_lookup_names_are_known() {
        assert_eq!(found("", ":lo"), [":load", ":load-flake", ":log"]);
        assert_eq!(found("", "import <nix"), ["import <nixpkgs>"]);
    }

    #[test]
    fn paths_are_completed_by_the_last_name() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("tea.nix"), "1").expect("a file");
        std::fs::create_dir(directory.path().join("teas")).expect("a directory");
        std::fs::write(directory.path().join(".hidden"), "1").expect("a file");
        let place = directory.path().to_str().expect("UTF-8");
        let expected = [format!("import {place}/tea.nix"), format!("import {place}/teas/")];
        assert_eq!(found("", &format!("import {place}/")), expected);
        assert_eq!(found("", &format!("import {place}/.h")), [format!("import {place}/.hidden")]);
        assert_eq!(unfinished(":l te"), Unfinished::Path("te"));
    }
}
