//! What an evaluation took and did: `NIX_SHOW_STATS` under CppNix's names, and `eval-profiler`.

use crate::env_vars::{self, EnvVar};
use crate::report::{Failure, Outcome};
use crate::settings::Settings;
use crate::ui::Ui;
use eval::heap::{Attrs, Env, Slot, Symbol, Value};
use eval::interpret::Eval;
use eval::source::{Origin, Position};
use eval::watch::Watch;
use serde_json::{Map, json};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

/// The value of `eval-profiler` that asks for samples; the other one is `disabled`.
const FLAMEGRAPH: &str = "flamegraph";
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// Where samples of an evaluation will go.
pub(crate) struct ProfileFile {
    path: PathBuf,
    file: File,
}

impl ProfileFile {
    /// Opens the file that the settings name, if they ask for samples.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn open(settings: &Settings) -> Outcome<Option<Self>> {
        if settings.text("eval-profiler") != FLAMEGRAPH {
            return Ok(None);
        }
        let path = PathBuf::from(settings.text("eval-profile-file"));
        match File::create(&path) {
            Ok(file) => Ok(Some(Self { path, file })),
            Err(error) => {
                Err(Failure::new(format!("opening file \"{}\": {error}", path.display())))
            }
        }
    }

    /// Writes the samples of an evaluation.
    pub(crate) fn write(mut self, ui: Ui, eval: &Eval<'_>) {
        if let Err(error) = self.file.write_all(eval.profile().as_bytes()) {
            ui.warn(format!("writing \"{}\": {error}", self.path.display()));
        }
    }
}

/// Returns what of an evaluation is to be watched.
pub(crate) fn watch(settings: &Settings) -> Watch {
    let is_sampled = settings.text("eval-profiler") == FLAMEGRAPH;
    let period = NANOSECONDS_PER_SECOND.checked_div(settings.number("eval-profiler-frequency"));
    Watch {
        counts: is_on(env_vars::NIX_SHOW_STATS),
        counts_each: is_on(env_vars::NIX_SHOW_STATS) && is_on(env_vars::NIX_COUNT_CALLS),
        traces_calls: settings.is_on("trace-function-calls"),
        profile_period_ns: is_sampled.then(|| period.unwrap_or_default()),
    }
}

fn is_on(variable: EnvVar) -> bool {
    variable.text().is_some_and(|value| value != "0")
}

/// Tells what an evaluation took, if the environment asks for it.
pub(crate) fn tell(ui: Ui, eval: &Eval<'_>) {
    if !is_on(env_vars::NIX_SHOW_STATS) {
        return;
    }
    let text = serde_json::to_string_pretty(&figures(eval)).unwrap_or_default();
    match env_vars::NIX_SHOW_STATS_PATH.value().filter(|path| path != "-") {
        None => ui.tell(text),
        Some(path) => {
            if let Err(error) = std::fs::write(&path, text + "\n") {
                ui.warn(format!("writing '{}': {error}", path.to_string_lossy()));
            }
        }
    }
}

fn figures(eval: &Eval<'_>) -> serde_json::Value {
    let (tally, cpu, size) = (eval.tally(), cpu_seconds(), eval.heap().size_bytes());
    let symbols = Symbol::all();
    let symbol_bytes: usize = symbols.iter().map(|name| name.len()).sum();
    let bytes = |count: u64, size: usize| count * size as u64;
    let elements = tally.frame_elements.get();
    let values = elements + tally.list_elements.get() + tally.set_elements.get();
    let mut all = json!({
        "cpuTime": cpu,
        "time": { "cpu": cpu },
        "envs": {
            "number": tally.frames.get(),
            "elements": elements,
            "bytes": bytes(tally.frames.get(), size_of::<Env<'_>>())
                + bytes(elements, size_of::<Slot<'_>>()),
        },
        "values": {
            "number": values,
            "bytes": bytes(values, size_of::<Slot<'_>>()),
        },
        "nrExprs": eval.expression_count(),
        "list": {
            "elements": tally.list_elements.get(),
            "bytes": bytes(tally.list_elements.get(), size_of::<Slot<'_>>()),
            "concats": tally.concats.get(),
        },
        "symbols": { "number": symbols.len(), "bytes": symbol_bytes },
        "sets": {
            "number": tally.sets.get(),
            "elements": tally.set_elements.get(),
            "bytes": bytes(tally.set_elements.get(), size_of::<Slot<'_>>()),
        },
        "sizes": {
            "Attr": size_of::<Slot<'_>>(),
            "Bindings": size_of::<Attrs<'_>>(),
            "Env": size_of::<Env<'_>>(),
            "Value": size_of::<Value<'_>>(),
        },
        "nrOpUpdates": tally.updates.get(),
        "nrOpUpdateValuesCopied": tally.update_values.get(),
        "nrThunks": tally.thunks.get(),
        "nrLookups": tally.lookups.get(),
        "nrPrimOpCalls": tally.builtin_calls.get(),
        "nrFunctionCalls": tally.function_calls.get(),
        "gc": { "heapSize": size, "totalBytes": size },
    });
    if is_on(env_vars::NIX_COUNT_CALLS) {
        count_each(eval, &mut all);
    }
    if is_on(env_vars::NIX_SHOW_SYMBOLS) {
        let names = symbols.iter().map(|name| String::from_utf8_lossy(name));
        all["symbols"] = names.collect();
    }
    all
}

/// Adds how often each builtin and function was called, and each attribute selected.
fn count_each(eval: &Eval<'_>, all: &mut serde_json::Value) {
    let builtins = eval.builtin_calls().into_iter();
    let builtins =
        builtins.map(|(name, count)| (name.trim_start_matches("__").to_owned(), json!(count)));
    all["primops"] = builtins.collect::<Map<_, _>>().into();
    let functions = eval.function_calls().into_iter().map(|it| {
        let mut entry = place(eval, it.position, it.count);
        entry.insert("name".to_owned(), json!(it.name));
        entry
    });
    all["functions"] = functions.collect();
    let selections = eval.selections().into_iter();
    all["attributes"] = selections.map(|(position, count)| place(eval, position, count)).collect();
}

/// Returns a place and how often it was come by.
fn place(eval: &Eval<'_>, position: Position, count: u64) -> Map<String, serde_json::Value> {
    let mut entry = Map::new();
    if let Some((origin, line, column)) = eval.locate(position) {
        if let Origin::File(path) = origin {
            entry.insert("file".to_owned(), json!(path.display()));
        }
        entry.insert("line".to_owned(), json!(line));
        entry.insert("column".to_owned(), json!(column));
    }
    entry.insert("count".to_owned(), json!(count));
    entry
}

/// Returns the processor time that this process has taken.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may hold anything.
    let fields = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u32>).sum();
    f64::from(ticks) / TICKS_PER_SECOND
}
