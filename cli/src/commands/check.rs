//! `nivis check`: all that is wrong with system configurations, found by evaluating them.

use crate::args::CheckArgs;
use crate::commands::system::{self, Configuration, Modules};
use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::installable::{self, Features};
use crate::report::{FAILURE, Failure, Outcome};
use crate::stores::{Access, LazyStore};
use eval::error::ErrorKind;
use eval::heap::Value;
use eval::interpret::Eval;
use eval::report::{Record, Report};
use eval::{blame, module_check, print};
use serde::Serialize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The version of the record that `--json` prints.
const VERSION: u32 = 1;
/// What a system is built of, and so what must evaluate.
const TOPLEVEL: &str = "config.system.build.toplevel.drvPath";

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'r> {
    version: u32,
    configurations: Vec<Checked<'r>>,
}

/// What it says of one configuration.
#[derive(Serialize)]
struct Checked<'r> {
    name: &'r str,
    ok: bool,
    errors: Vec<Record<'r>>,
    warnings: &'r [String],
}

/// What was found out about a configuration.
#[derive(Default)]
struct Findings {
    reports: Vec<Report>,
    warnings: Vec<String>,
}

/// Runs `nivis check`.
pub(crate) fn run(cx: &mut Context, args: &CheckArgs) -> Outcome {
    args.settings.apply(cx.ui, &mut cx.settings)?;
    let is_here = |name: &str| Path::new(name).is_file();
    let is_named = args.flake.is_some() || args.configuration.is_some();
    let has_file = !is_named && is_here("configuration.nix");
    let has_flake = !is_named && !has_file && is_here("flake.nix");
    let flake = args.flake.as_deref().or_else(|| has_flake.then_some("."));
    let is_text = !args.json;
    let store = cx.lazy_store(Access::Read)?;
    let Some(flake) = flake else {
        let word =
            args.configuration.as_deref().or_else(|| has_file.then_some("configuration.nix"));
        let configuration = Configuration::new(Modules::Named, word, false)?;
        let name = word.unwrap_or("<nixos-config>").to_owned();
        return tell(cx, &store, &[(name, configuration)], is_text);
    };
    installable::prepare(cx, Features::Flakes, args.impure)?;
    let configurations = match flake.split_once('#') {
        Some((place, name)) if !name.is_empty() => {
            let configuration = Configuration::named_of_flake(Modules::Named, place, name);
            vec![(name.to_owned(), configuration)]
        }
        _ => {
            let place = flake.trim_end_matches('#');
            let names = evaluation::run(cx, &store, Access::Read, |eval| {
                Configuration::names_of_flake(eval, place)
            })?;
            let named = |name: String| {
                let of_flake = Configuration::named_of_flake(Modules::Named, place, &name);
                (name, of_flake)
            };
            names.into_iter().map(named).collect()
        }
    };
    tell(cx, &store, &configurations, is_text)
}

/// Checks configurations and tells what is wrong with each.
fn tell(
    cx: &Context,
    store: &LazyStore,
    configurations: &[(String, Configuration)],
    is_text: bool,
) -> Outcome {
    let mut all = Vec::with_capacity(configurations.len());
    for (name, configuration) in configurations {
        let findings = check(cx, store, configuration)?;
        if is_text {
            tell_one(cx, name, &findings)?;
        }
        all.push((name, findings));
    }
    if !is_text {
        let checked = all.iter().map(|(name, findings)| Checked {
            name,
            ok: findings.reports.is_empty(),
            errors: findings.reports.iter().map(Report::record).collect(),
            warnings: &findings.warnings,
        });
        let answer = Answer { version: VERSION, configurations: checked.collect() };
        cx.ui.line(serde_json::to_string_pretty(&answer).map_err(Failure::new)?)?;
    }
    let is_right = all.iter().all(|(_, findings)| findings.reports.is_empty());
    if is_right { Ok(()) } else { Err(Failure::silent(FAILURE)) }
}

fn tell_one(cx: &Context, name: &str, findings: &Findings) -> Outcome {
    // What modules warn of, evaluating the system has told.
    let count = findings.reports.len();
    let summary = match count {
        0 => "ok".to_owned(),
        1 => "1 error".to_owned(),
        _ => format!("{count} errors"),
    };
    if count > 0 {
        cx.ui.error(&evaluation::told(cx, &findings.reports).message);
    }
    Ok(cx.ui.line(format!("{name}: {summary}"))?)
}

/// Evaluates a system and returns what is wrong with it.
fn check(cx: &Context, store: &LazyStore, configuration: &Configuration) -> Outcome<Findings> {
    let found = Mutex::new(Vec::new());
    let result = evaluation::run_observed(cx, store, Access::Read, |eval| {
        if let Some(first) = eval.looked_into().cloned() {
            let system = configuration.evaluate(eval)?;
            let reports = configuration.all_errors(eval, &first, system, true)?;
            if !module_check::is_explained(eval, &first, &reports) {
                return Err(Box::new(first).into());
            }
            *found.lock().unwrap_or_else(PoisonError::into_inner) = reports;
            return Ok(Vec::new());
        }
        let error = match whole(eval, configuration) {
            Err(Stop::Evaluation(error)) if error.kind != ErrorKind::Cancelled => error,
            result => return result,
        };
        let is_of_modules = module_check::is_of_modules(&error);
        if is_of_modules && !eval.is_observing() {
            return Err(error.into());
        }
        let reports = if is_of_modules {
            let system = configuration.evaluate(eval)?;
            configuration.all_errors(eval, &error, system, true)?
        } else {
            vec![blame::report(eval, &error)]
        };
        *found.lock().unwrap_or_else(PoisonError::into_inner) = reports;
        Ok(Vec::new())
    });
    let reports = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(warnings) => Ok(Findings { reports, warnings }),
        Err(_) if !reports.is_empty() => Ok(Findings { reports, warnings: Vec::new() }),
        Err(failure) => Err(failure),
    }
}

/// Evaluates the whole of a system and returns its warnings.
fn whole(eval: &mut Eval<'_>, configuration: &Configuration) -> Result<Vec<String>, Stop> {
    let system = configuration.evaluate(eval)?;
    system::part(eval, system, TOPLEVEL)?;
    let Some(config) = system.as_attrs() else { return Ok(Vec::new()) };
    let Some(config) = evaluation::attribute(eval, config, b"config")?.and_then(Value::as_attrs)
    else {
        return Ok(Vec::new());
    };
    let list = evaluation::attribute(eval, config, b"warnings")?.and_then(Value::as_list);
    let mut warnings = Vec::new();
    for slot in list.unwrap_or_default() {
        let Some(value) = evaluation::attempt(eval, slot)? else { continue };
        warnings.push(match value.as_string() {
            Some(text) => text.to_text().trim().to_owned(),
            None => print::show(eval, value),
        });
    }
    Ok(warnings)
}
