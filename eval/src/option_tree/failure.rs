//! Why a configuration does not evaluate, and where its author can mend that.

use store::Store;

use super::place::Files;
use super::{Configuration, Place};
use crate::blame;
use crate::error::{ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Heap, Lazy, Value};
use crate::interpret::Eval;
use crate::lookup;
use crate::module_check;
use crate::report::Report;
use crate::settings::Settings;
use crate::source::{EMBEDDED, HOST, Origin, Position, SourcePath};
use crate::system::System;

/// What an evaluation has to tell: why it failed, or what its modules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What sort it is: `evaluation-error`, `failed-assertion` or `configuration-warning`.
    pub code: &'static str,
    /// What went wrong: the first lines of the message.
    pub message: String,
    /// Places of the host that have to do with it, the most telling first.
    pub places: Vec<Place>,
}

mod notices;

/// The sort of an assertion that does not hold.
pub(super) const FAILED_ASSERTION: &str = "failed-assertion";

/// How many lines of a message are told.
const LINES_MAX: usize = 12;

/// Evaluates the whole system that a configuration describes, and returns what is wrong with it as
/// far as that is known: every failed assertion, every warning, else why it fails.
///
/// Runs inside [`crate::interpret::on_large_stack`].
pub fn check_system(
    system: &dyn System,
    store: &dyn Store,
    settings: &Settings,
    configuration: &SourcePath,
) -> Vec<Failure> {
    let heap = Heap::new();
    let mut eval = Eval::new(&heap, system, store, settings);
    let evaluated = whole(&mut eval, configuration);
    let Ok(evaluated) = evaluated else {
        return failures(&mut eval, configuration, settings).unwrap_or_default();
    };
    let mut found = notices::notices(&mut eval, evaluated, configuration).unwrap_or_default();
    let has_failed = found.iter().any(|it| it.code == FAILED_ASSERTION);
    // What has failed assertions does not evaluate, and says no more than these do.
    if !has_failed {
        found.extend(failures(&mut eval, configuration, settings).unwrap_or_default());
    }
    found
}

/// Returns what the modules of an evaluated system say, without evaluating the system itself.
///
/// Runs inside [`crate::interpret::on_large_stack`].
pub fn check_modules(
    system: &dyn System,
    store: &dyn Store,
    settings: &Settings,
    configuration: &Configuration,
    file: &SourcePath,
) -> Vec<Failure> {
    let heap = Heap::new();
    let mut eval = Eval::new(&heap, system, store, settings);
    let found = super::evaluated(&mut eval, configuration);
    let notices = found.and_then(|found| notices::notices(&mut eval, found, file));
    notices.unwrap_or_default()
}

/// Returns why a configuration does not evaluate, as far as that is known to be wrong.
fn failures(
    eval: &mut Eval<'_>,
    configuration: &SourcePath,
    settings: &Settings,
) -> Result<Vec<Failure>> {
    let Err(error) = toplevel(eval, configuration) else { return Ok(Vec::new()) };
    // An editor builds and fetches nothing: what needs that is not known to be wrong.
    let is_refused = error.message.contains("import-from-derivation")
        || error.kind == ErrorKind::Io && !error.message.contains("does not exist");
    if is_refused || matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Limit) {
        return Ok(Vec::new());
    }
    let search_path = settings.search_path.clone();
    let is_embedded = lookup::find(eval, &search_path, b"nixpkgs")?.root == EMBEDDED;
    if module_check::is_of_modules(&error) {
        let reports = observed(eval, configuration, settings, &error)?;
        // The embedded library knows fewer options and packages than nixpkgs.
        let known = reports.into_iter().filter(|it| !is_embedded || is_of_values(it.code));
        return Ok(known.map(|report| of_report(&report, Vec::new())).collect());
    }
    let places = places(eval, &error)?;
    if is_embedded && !is_certain(&error, &places) {
        return Ok(Vec::new());
    }
    let report = blame::report(eval, &error);
    Ok(vec![of_report(&report, places)])
}

/// Whether an error is about values of options that there are, or about arguments of modules.
fn is_of_values(code: &str) -> bool {
    code.starts_with("M03") || matches!(code, "M0203" | "M0111")
}

/// Evaluates a configuration again, observed, and returns all that is wrong with its definitions;
/// `first` is what stopped it.
fn observed(
    eval: &Eval<'_>,
    configuration: &SourcePath,
    settings: &Settings,
    first: &EvalError,
) -> Result<Vec<Report>> {
    let heap = Heap::new();
    let mut eval = Eval::observing(&heap, eval.system(), eval.store(), settings);
    let evaluated = whole(&mut eval, configuration)?;
    // It stops where it stopped before.
    drop(toplevel_of(&mut eval, evaluated));
    module_check::reports(&mut eval, first, evaluated, Some(configuration), false)
}

/// Returns a report as the editor shows it, with further places that have to do with it.
fn of_report(report: &Report, others: Vec<Place>) -> Failure {
    let marked = report.place.iter().chain(report.labels.iter().map(|label| &label.place));
    let mut places: Vec<Place> = marked
        .filter(|place| place.file.starts_with('/'))
        .map(|place| Place {
            file: place.file.clone(),
            line: Some(place.line),
            column: Some(place.column),
        })
        .collect();
    for place in others {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut lines: Vec<String> =
        report.message.lines().take(LINES_MAX).map(str::to_owned).collect();
    let near = report.suggestions.iter().map(|name| format!("did you mean `{name}`?"));
    lines.extend(near.chain(report.helps.iter().cloned()).map(|help| format!("help: {help}")));
    Failure { code: "evaluation-error", message: lines.join("\n"), places }
}

fn whole<'h>(eval: &mut Eval<'h>, configuration: &SourcePath) -> Result<Value<'h>> {
    let directory = SourcePath::new(HOST, &eval.settings().directory);
    let text = b"configuration: import <nixpkgs/nixos> { inherit configuration; }";
    let function = eval.evaluate(Origin::String(directory), text)?;
    let path = Value::path(eval.heap(), configuration.root, &configuration.bytes);
    eval.call(function, &[Lazy::from(path)])
}

fn toplevel<'h>(eval: &mut Eval<'h>, configuration: &SourcePath) -> Result<Value<'h>> {
    let evaluated = whole(eval, configuration)?;
    toplevel_of(eval, evaluated)
}

fn toplevel_of<'h>(eval: &mut Eval<'h>, evaluated: Value<'h>) -> Result<Value<'h>> {
    let directory = SourcePath::new(HOST, &eval.settings().directory);
    let text = b"system: system.config.system.build.toplevel.drvPath";
    let function = eval.evaluate(Origin::String(directory), text)?;
    eval.call(function, &[Lazy::from(evaluated)])
}

/// The embedded library knows fewer options and packages than nixpkgs: what it misses is no
/// mistake. What fails in the author's own file is.
fn is_certain(error: &EvalError, places: &[Place]) -> bool {
    let may_be_missing = matches!(
        error.kind,
        ErrorKind::Thrown
            | ErrorKind::Assertion
            | ErrorKind::MissingAttribute
            | ErrorKind::UndefinedVariable
    );
    !places.is_empty() && !may_be_missing
}

/// Returns the places of an error: those that its message names first, then its way.
fn places(eval: &mut Eval<'_>, error: &EvalError) -> Result<Vec<Place>> {
    let mut places: Vec<Place> = Vec::new();
    let mut files = Files::default();
    let option = quoted(&error.message).find(|it| it.contains('.') && !it.starts_with('/'));
    let path: Vec<String> = option.iter().flat_map(|it| it.split('.')).map(str::to_owned).collect();
    for file in quoted(&error.message).filter(|it| it.starts_with('/')) {
        let mut place = Place { file: file.to_owned(), line: None, column: None };
        files.locate(eval, &mut place, "config", &path)?;
        places.extend(place.line.is_some().then_some(place));
    }
    places.extend(located(eval, error.position));
    let frames: Vec<_> = error.frames.outermost_first().collect();
    let steps = frames.into_iter().rev().filter(|frame| frame.kind != FrameKind::Call);
    places.extend(steps.filter_map(|frame| located(eval, frame.position)));
    Ok(places)
}

/// Returns what a message has in quotes, of any sort.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split(['`', '\'', '‘', '’', '"']).filter(|it| !it.contains(char::is_whitespace))
}

/// Returns a position in a file of the host.
fn located(eval: &Eval<'_>, position: Position) -> Option<Place> {
    match eval.locate(position)? {
        (Origin::File(path), line, column) if path.root == HOST => {
            Some(Place { file: path.display(), line: Some(line), column: Some(column) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpret::on_large_stack;
    use crate::system::MemorySystem;
    use store::{MemoryStore, StoreDirectory};

    fn check(text: &str) -> Option<(String, Vec<(u32, u32)>)> {
        let mut system = MemorySystem::default();
        system.files.insert(b"/etc/nixos/configuration.nix".to_vec(), text.into());
        let store = MemoryStore::new(StoreDirectory::default());
        let settings = Settings { embedded_fallback: true, ..Settings::default() };
        let path = SourcePath::new(HOST, b"/etc/nixos/configuration.nix");
        let found = on_large_stack(|| check_system(&system, &store, &settings, &path));
        let found = found.into_iter().next()?;
        let places = found.places.iter().filter(|it| it.file == "/etc/nixos/configuration.nix");
        let places = places.map(|it| (it.line.unwrap_or(0), it.column.unwrap_or(0)));
        Some((found.message, places.collect()))
    }

    const ROOT: &str = "fileSystems.\"/\" = { device = \"/dev/x\"; fsType = \"ext4\"; };\n\
                        boot.loader.grub.enable = false;\n";

    #[test]
    fn a_wrong_type_is_found_at_its_definition() {
        let (message, places) =
            check(&format!("{{\n{ROOT}  services.nginx.enable = 5;\n}}")).expect("an error");
        assert_eq!(message, "`services.nginx.enable` wants a boolean, found 5");
        assert_eq!(places.first(), Some(&(4, 27)), "{message}");
    }

    #[test]
    fn an_error_in_the_own_text_is_found_there() {
        let (message, places) =
            check(&format!("{{\n{ROOT}  networking.hostName = builtins.head [ ];\n}}"))
                .expect("an error");
        assert!(places.iter().any(|place| place.0 == 4), "{message} {places:?}");
    }

    #[test]
    fn assertions_and_warnings_are_told_each() {
        let mut system = MemorySystem::default();
        let text = "{ lib, ... }: {\n  assertions = [\n    { assertion = true; message = \"a\"; }\n\
                    { assertion = 1 == 2; message = \"tea\"; }\n    { assertion = false; \
                    message = \"cups\"; }\n  ];\n  warnings = lib.optional true \"late\";\n}";
        system.files.insert(b"/etc/nixos/configuration.nix".to_vec(), text.into());
        let store = MemoryStore::new(StoreDirectory::default());
        let settings = Settings { embedded_fallback: true, ..Settings::default() };
        let path = SourcePath::new(HOST, b"/etc/nixos/configuration.nix");
        let found = on_large_stack(|| check_system(&system, &store, &settings, &path));
        let shown: Vec<_> = found
            .iter()
            .filter_map(|it| Some((it.code, it.message.as_str(), it.places.first()?.line?)))
            .collect();
        let expected = [
            ("failed-assertion", "tea", 4),
            ("failed-assertion", "cups", 5),
            ("configuration-warning", "late", 7),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn values_are_wrong_whatever_else_the_library_misses() {
        let text = "  services.unheardOf.enable = true;\n  time.timeZone = 5;\n";
        let (message, places) = check(&format!("{{\n{ROOT}{text}}}")).expect("an error");
        assert!(message.starts_with("`time.timeZone` wants"), "{message}");
        assert_eq!(places, [(5, 19)], "{message}");
    }

    #[test]
    fn what_only_the_embedded_library_misses_is_no_error() {
        assert_eq!(check(&format!("{{\n{ROOT}}}")), None);
        assert_eq!(check(&format!("{{\n{ROOT}  services.unheardOf.enable = true;\n}}")), None);
    }
}
