//! Evaluations as commands run them: set up from the settings, errors told in the right form.
//!
//! What evaluates runs inside [`run`]; it turns a [`Request`] into values with [`each_selected`],
//! and returns plain data, because values live no longer than their heap.

use crate::context::{Context, Manner, cache_directory};
use crate::env_vars;
use crate::installable;
use crate::interrupt;
use crate::report::{FAILURE, Failure, INTERRUPTED, Outcome, of_store};
use crate::request::{Argument, Input, Request};
use crate::settings::{self, Settings, configuration_directory};
use crate::statistics::{self, ProfileFile};
use crate::stores::{Access, EvaluatingStore};
use crate::system::Host;
use eval::blame;
use eval::error::{ErrorKind, EvalError};
use eval::flake::settings::FetchSettings;
use eval::heap::{Attrs, AttrsBuilder, Heap, Lazy, Slot, Value};
use eval::interpret::{Eval, on_large_stack};
use eval::report::{Code, Report};
use eval::settings::{LintLevel, LiteralLints};
use eval::source::{HOST, Origin, SourcePath, canonical};
use eval::system::FileType;
use eval::{lookup, module_check, select};
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use store::Store;

/// Why the work of an evaluation ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The evaluation failed.
    Evaluation(Box<EvalError>),
    /// Something around it did.
    Failure(Failure),
}

impl From<Box<EvalError>> for Stop {
    fn from(error: Box<EvalError>) -> Self {
        Stop::Evaluation(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failure(failure)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::Failure(error.into())
    }
}

/// Runs `work` in a new evaluation.
///
/// With [`Access::Read`], paths and derivations are only computed. Ctrl-C stops it.
///
/// # Errors
///
/// What stopped the work, in the form for the name that we were called by.
pub(crate) fn run<T: Send>(
    cx: &Context,
    store: &dyn Store,
    access: Access,
    work: impl for<'h> FnOnce(&mut Eval<'h>) -> Result<T, Stop> + Send,
) -> Outcome<T> {
    let _deadline = interrupt::Deadline::after(cx.settings.number("max-eval-time"));
    run_unhurried(cx, store, access, work)
}

/// As [`run`], for work that may be done twice: what an error of a module system is about, doing
/// it again tells, and so all errors are told at once.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn run_observed<T: Send>(
    cx: &Context,
    store: &dyn Store,
    access: Access,
    work: impl for<'h> Fn(&mut Eval<'h>) -> Result<T, Stop> + Send + Sync,
) -> Outcome<T> {
    let _deadline = interrupt::Deadline::after(cx.settings.number("max-eval-time"));
    let settings = settings_of(cx, access)?;
    let again = |first: &EvalError| observed_failure(cx, store, &settings, first, &work);
    run_with(cx, store, access, &work, again)
}

/// Does work again, observed, and returns the failure that it ends with.
fn observed_failure<T>(
    cx: &Context,
    store: &dyn Store,
    settings: &eval::settings::Settings,
    first: &EvalError,
    work: &impl for<'h> Fn(&mut Eval<'h>) -> Result<T, Stop>,
) -> Option<Failure> {
    let is_wanted = module_check::is_of_modules(first) && module_check::is_told_by_library(first);
    if cx.manner != Manner::Own || !is_wanted {
        return None;
    }
    let host = Host::with_store(cx.ui, store);
    let store = EvaluatingStore::new(cx, store);
    // Mostly the system that the error is one of tells all; else all is done again.
    for is_early in [true, false] {
        let heap = Heap::new();
        let mut eval = Eval::observing(&heap, &host, &store, settings);
        if is_early {
            eval.look_into(first);
        }
        let result = {
            let _repeated = cx.ui.repeated();
            work(&mut eval)
        };
        match result {
            Err(Stop::Evaluation(error)) if error.message == first.message => {
                let reports = module_check::reports_of_selected(&mut eval, first, false);
                let reports = reports.ok().flatten().unwrap_or_default();
                if !is_early && reports.is_empty() {
                    return Some(failure(cx, &mut eval, &error));
                }
                if !is_early || module_check::is_explained(&eval, first, &reports) {
                    return Some(told(cx, &reports));
                }
            }
            Err(Stop::Failure(failure)) => return Some(failure),
            // Other limits hold for it.
            Ok(_) | Err(Stop::Evaluation(_)) => {}
        }
    }
    None
}

/// As [`run`], for work that keeps `max-eval-time` itself.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn run_unhurried<T: Send>(
    cx: &Context,
    store: &dyn Store,
    access: Access,
    work: impl for<'h> FnOnce(&mut Eval<'h>) -> Result<T, Stop> + Send,
) -> Outcome<T> {
    run_with(cx, store, access, work, |_| None)
}

/// Runs work in a new evaluation; `explain` may know more of an error than the evaluation does.
fn run_with<T: Send>(
    cx: &Context,
    store: &dyn Store,
    access: Access,
    work: impl for<'h> FnOnce(&mut Eval<'h>) -> Result<T, Stop> + Send,
    explain: impl FnOnce(&EvalError) -> Option<Failure> + Send,
) -> Outcome<T> {
    let settings = settings_of(cx, access)?;
    let profile = ProfileFile::open(&cx.settings)?;
    let cache = cache_directory();
    let host = Host::with_store(cx.ui, store).with_cache(cache.as_deref());
    let store = EvaluatingStore::new(cx, store);
    on_large_stack(|| {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, &host, &store, &settings);
        let result = work(&mut eval);
        statistics::tell(cx.ui, &eval);
        if let Some(profile) = profile {
            profile.write(cx.ui, &eval);
        }
        match result {
            Ok(result) => store.flush().map_err(of_store).map(|()| result),
            Err(Stop::Evaluation(error)) => {
                Err(explain(&error).unwrap_or_else(|| failure(cx, &mut eval, &error)))
            }
            Err(Stop::Failure(failure)) => Err(failure),
        }
    })
}

/// Returns what the evaluation is told.
///
/// # Errors
///
/// When the working directory is gone.
pub(crate) fn settings_of(cx: &Context, access: Access) -> Outcome<eval::settings::Settings> {
    let settings = &cx.settings;
    let is_pure = settings.is_on("pure-eval");
    Ok(eval::settings::Settings {
        search_path: if is_pure { Vec::new() } else { search_path(settings) },
        directory: std::env::current_dir()?.into_os_string().into_vec(),
        embedded_fallback: cx.manner == Manner::Own,
        system: match settings.text("eval-system") {
            system if system.is_empty() => settings.text("system"),
            system => system,
        },
        read_only: access == Access::Read,
        pure: is_pure,
        restrict: settings.is_on("restrict-eval"),
        allowed_uris: settings.words("allowed-uris"),
        fetch: fetch_settings(settings),
        experimental_features: settings.words("experimental-features"),
        trace_verbose: settings.is_on("trace-verbose"),
        abort_on_warn: settings.is_on("abort-on-warn"),
        import_from_derivation: settings.is_on("allow-import-from-derivation"),
        trace_import_from_derivation: settings.is_on("trace-import-from-derivation"),
        large_path_bytes: settings.number("warn-large-path-threshold"),
        literal_lints: LiteralLints {
            absolute_paths: lint_level(settings, "lint-absolute-path-literals"),
            short_paths: short_paths(settings),
            urls: lint_level(settings, "lint-url-literals"),
        },
        watch: statistics::watch(settings),
        call_depth_max: u32::try_from(settings.number("max-call-depth")).unwrap_or(u32::MAX),
        heap_size_bytes_max: usize::try_from(settings.number("max-eval-memory"))
            .unwrap_or(usize::MAX),
        time_seconds_max: settings.number("max-eval-time"),
        expired: interrupt::expired(),
        cancel: interrupt::watch(),
    })
}

/// Returns what fetching trees is told.
fn fetch_settings(settings: &Settings) -> FetchSettings {
    let bytes = |path: PathBuf| path.into_os_string().into_vec();
    let pairs = |name: &str| {
        let words = settings.words(name);
        let pair = |word: &String| {
            let (name, value) = word.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        words.iter().filter_map(pair).collect()
    };
    FetchSettings {
        use_registries: settings.is_on("use-registries"),
        user_registry: settings::user_directory().map(|it| bytes(it.join("registry.json"))),
        system_registry: Some(bytes(configuration_directory().join("registry.json"))),
        global_registry: settings.text("flake-registry"),
        access_tokens: pairs("access-tokens"),
        forge_urls: pairs("forge-urls"),
        allows_dirty_locks: settings.is_on("allow-dirty-locks"),
        trusts_forges: settings.is_on("trust-tarballs-from-git-forges"),
        asks_caches: settings.is_on("substitute") && !settings.words("substituters").is_empty(),
    }
}

/// Returns what is done about short paths, which two settings say.
fn short_paths(settings: &Settings) -> LintLevel {
    match lint_level(settings, "lint-short-path-literals") {
        LintLevel::Ignore if settings.is_on("warn-short-path-literals") => LintLevel::Warn,
        level => level,
    }
}

/// Returns the value of a setting that is a level.
fn lint_level(settings: &Settings, name: &str) -> LintLevel {
    LintLevel::parse(&settings.text(name)).unwrap_or_default()
}

/// Returns the search path, its entries parted into prefix and path.
fn search_path(settings: &Settings) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = settings.search_path_entries();
    if !settings.has_search_path() && !settings.is_on("restrict-eval") {
        entries.extend(channels(settings));
    }
    let part = |entry: String| match entry.split_once('=') {
        Some((prefix, path)) => (prefix.as_bytes().to_vec(), path.as_bytes().to_vec()),
        None => (Vec::new(), entry.into_bytes()),
    };
    entries.into_iter().map(part).collect()
}

/// Returns the entries of the search path that hold when nobody sets it.
///
/// Source: CppNix, `EvalSettings::getDefaultNixPath`.
fn channels(settings: &Settings) -> Vec<String> {
    let state = env_vars::NIX_STATE_DIR.text().unwrap_or_else(|| "/nix/var/nix".to_owned());
    let of_root = format!("{state}/profiles/per-user/root/channels");
    let mut entries = Vec::new();
    if let Some(directory) = settings.expressions() {
        entries.push((None, directory.join("channels").to_string_lossy().into_owned()));
    }
    entries.push((Some("nixpkgs"), format!("{of_root}/nixpkgs")));
    entries.push((None, of_root));
    let existing = entries.into_iter().filter(|(_, path)| Path::new(path).exists());
    existing
        .map(|(prefix, path)| match prefix {
            Some(prefix) => format!("{prefix}={path}"),
            None => path,
        })
        .collect()
}

/// Returns the failure that an error of the evaluation is, in the form for our name.
pub(crate) fn failure(cx: &Context, eval: &mut Eval<'_>, error: &EvalError) -> Failure {
    match cx.manner {
        Manner::Own => {
            if let Ok(Some(reports)) = module_check::reports_of_selected(eval, error, false) {
                return told(cx, &reports);
            }
            let report = blame::report(eval, error);
            Failure { exit: exit_of(cx, error), ..told(cx, &[report]) }
        }
        Manner::CppNix => {
            let report = Report::new(error, |position| blame::place(eval, position));
            let text = report.to_oracle_text(cx.settings.is_on("show-trace"));
            if error.kind == ErrorKind::Usage {
                let command = std::env::args_os().next().unwrap_or_default();
                let command = Path::new(&command).file_name().unwrap_or_default();
                return Failure::usage(&command.to_string_lossy(), text);
            }
            Failure { exit: exit_of(cx, error), ..Failure::new(text) }
        }
    }
}

/// The exit code of a fetch that did not give what was promised.
const MISMATCH: u8 = 102;
/// How the messages of such fetches begin.
const MISMATCHES: [&str; 2] = ["hash mismatch in file downloaded", "NAR hash mismatch in input"];

/// Returns the exit code of a command that an error ended.
fn exit_of(cx: &Context, error: &EvalError) -> u8 {
    if error.kind == ErrorKind::Cancelled && cx.manner == Manner::Own {
        INTERRUPTED
    } else if MISMATCHES.iter().any(|start| error.message.starts_with(start)) {
        MISMATCH
    } else {
        FAILURE
    }
}

/// Tells errors in our own form, or as JSON, one a line, where the settings say so.
pub(crate) fn told(cx: &Context, reports: &[Report]) -> Failure {
    if cx.settings.text("error-format") == "json" {
        for report in reports {
            cx.ui.tell(report.to_json());
        }
        return Failure::silent(FAILURE);
    }
    let shows_all = cx.settings.is_on("show-trace");
    let texts: Vec<String> = reports.iter().map(|report| report.to_text(shows_all)).collect();
    Failure::new(texts.join("\n\n"))
}

/// Returns the lines around line `line` (from 1) of a source; an empty one has none.
pub(crate) fn code(text: &[u8], line: u32) -> Code {
    if text.is_empty() { Code::default() } else { Code::around(text, line) }
}

/// Returns what messages call a source.
pub(crate) fn origin_name(origin: &Origin) -> String {
    match origin {
        Origin::File(path) => path.display(),
        Origin::String(_) => "«string»".to_owned(),
        Origin::Stdin(_) => "«stdin»".to_owned(),
    }
}

/// Returns the directory that relative paths start from.
pub(crate) fn base(eval: &Eval<'_>) -> SourcePath {
    SourcePath::new(HOST, &canonical(&eval.settings().directory))
}

/// Returns the value of an input: what its text or file evaluates to.
///
/// # Errors
///
/// When it cannot be read, or whatever evaluation meets.
pub(crate) fn value_of<'h>(eval: &mut Eval<'h>, input: &Input) -> Result<Value<'h>, Stop> {
    match input {
        Input::File(text) => {
            // Not an import: an error does not come by way of a file that was asked for.
            let path = source_file(eval, text)?;
            let text = eval.read_file(&path)?;
            Ok(eval.evaluate(Origin::File(path), &text)?)
        }
        Input::Expression(text) => {
            let base = base(eval);
            Ok(eval.evaluate(Origin::String(base), text.as_bytes())?)
        }
        Input::Stdin => {
            let base = base(eval);
            let text = read_stdin()?;
            Ok(eval.evaluate(Origin::Stdin(base), &text)?)
        }
        Input::Flake(text, locking) => {
            installable::value(eval, text, locking, installable::PACKAGES)
        }
    }
}

/// Returns all of stdin.
pub(crate) fn read_stdin() -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    Ok(text)
}

/// Returns the file that a word of the command line names: a path, or `<name>`.
///
/// # Errors
///
/// A name that nobody has, or an address that cannot be fetched.
///
/// # Source
///
/// CppNix, `lookupFileArg`.
pub(crate) fn file(eval: &mut Eval<'_>, text: &str) -> Result<SourcePath, Stop> {
    if let Some(name) = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'))
        && !name.is_empty()
    {
        return Ok(named_file(eval, name)?);
    }
    if let Some(fetched) = lookup::fetched(eval, text) {
        return Ok(fetched?);
    }
    if text.starts_with('/') {
        return Ok(SourcePath::new(HOST, &canonical(text.as_bytes())));
    }
    let mut bytes = eval.settings().directory.clone();
    bytes.push(b'/');
    bytes.extend_from_slice(text.as_bytes());
    Ok(SourcePath::new(HOST, &canonical(&bytes)))
}

/// Links are followed this often before they count as a loop.
const LINKS_MAX: usize = 1024;

/// Returns the file whose text a word means: as [`file`], of a directory its `default.nix`.
///
/// # Errors
///
/// As [`file`], and links in a circle.
///
/// # Source
///
/// CppNix, `resolveExprPath`.
pub(crate) fn source_file(eval: &mut Eval<'_>, text: &str) -> Result<SourcePath, Stop> {
    let mut path = file(eval, text)?;
    for _ in 0..LINKS_MAX {
        match eval.file_type(&path)? {
            Some(FileType::Symlink) if path.root == HOST => {
                let target = eval.system().read_link(&path.bytes)?;
                let mut bytes = path.bytes.to_vec();
                bytes.extend_from_slice(b"/../");
                let bytes =
                    if target.starts_with(b"/") { target } else { [bytes, target].concat() };
                path = SourcePath::new(HOST, &canonical(&bytes));
            }
            Some(FileType::Directory) => {
                let bytes = [&path.bytes, b"/default.nix".as_slice()].concat();
                return Ok(SourcePath::new(path.root, &canonical(&bytes)));
            }
            _ => return Ok(path),
        }
    }
    Err(Failure::new(format!("too many symbolic links at '{}'", path.display())).into())
}

/// Returns the file that the search path has for `name`.
///
/// # Errors
///
/// When it has none.
pub(crate) fn named_file(eval: &mut Eval<'_>, name: &str) -> Result<SourcePath, Box<EvalError>> {
    let search_path = eval.settings().search_path.clone();
    lookup::find(eval, &search_path, name.as_bytes())
}

/// Returns the arguments of a request as a set.
///
/// # Errors
///
/// An expression that does not parse; it is evaluated when it is needed.
pub(crate) fn arguments<'h>(eval: &mut Eval<'h>, request: &Request) -> Result<Attrs<'h>, Stop> {
    let mut given: std::collections::BTreeMap<&str, &Argument> = std::collections::BTreeMap::new();
    given.extend(request.arguments.iter().map(|(name, argument)| (name.as_str(), argument)));
    let mut set = AttrsBuilder::with_capacity(given.len());
    for (name, argument) in given {
        let value: Lazy<'h> = match argument {
            Argument::Expression(text) => {
                let base = base(eval);
                eval.suspend(Origin::String(base), text.as_bytes())?
            }
            Argument::Text(text) => Value::string_from(eval.heap(), text.as_bytes()).into(),
            Argument::File(path) => {
                let reading = Failure::during(format!("reading '{path}'"));
                let text = std::fs::read(path).map_err(reading)?;
                Value::string_from(eval.heap(), &text).into()
            }
            Argument::Stdin => Value::string_from(eval.heap(), &read_stdin()?).into(),
        };
        set.push_named(name, value);
    }
    Ok(set.finish(eval.heap()))
}

/// A value that a request selects.
pub(crate) struct Selection<'h> {
    /// The value, which is not called yet.
    pub(crate) value: Value<'h>,
    /// The arguments for functions at the top.
    pub(crate) arguments: Attrs<'h>,
}

/// Gives each value that the request selects to `work`, in order.
///
/// # Errors
///
/// Whatever evaluation or `work` meets; what comes after it is not evaluated.
pub(crate) fn each_selected<'h>(
    eval: &mut Eval<'h>,
    request: &Request,
    default: &str,
    mut work: impl FnMut(&mut Eval<'h>, Selection<'h>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let arguments = arguments(eval, request)?;
    for input in request.inputs(default) {
        let value = value_of(eval, &input)?;
        for path in request.attribute_paths() {
            let value = select::select(eval, value, &path, arguments)?;
            work(eval, Selection { value, arguments })?;
        }
    }
    Ok(())
}

/// Returns the value of an attribute, as [`attempt`] does.
///
/// # Errors
///
/// When the evaluation is cancelled.
pub(crate) fn attribute<'h>(
    eval: &mut Eval<'h>,
    attrs: Attrs<'h>,
    name: &[u8],
) -> Result<Option<Value<'h>>, Stop> {
    match attrs.named(name) {
        Some(slot) => attempt(eval, slot),
        None => Ok(None),
    }
}

/// Returns the value of a slot; none if it has none, because evaluating it fails.
///
/// # Errors
///
/// When the evaluation is cancelled.
pub(crate) fn attempt<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
) -> Result<Option<Value<'h>>, Stop> {
    match eval.force(slot) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error.into()),
        Err(_) => Ok(None),
    }
}
