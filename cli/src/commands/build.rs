//! `nivis build` and the work of `nix-build`: expressions to outputs, and links to these.

use super::instantiate::{Target, target};
use crate::args::BuildArgs;
use crate::building::{self, Building};
use crate::context::{Context, derivation_argument};
use crate::evaluation::{self, Stop};
use crate::installable;
use crate::report::{Failure, Outcome, of_store};
use crate::request::{Input, Request};
use crate::stores::Access;
use eval::installable::{Outputs, of_flake};
use eval::interpret::Eval;
use eval::select;
use std::collections::BTreeMap;
use std::path::PathBuf;
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames, Store, StorePath};

/// What to do with what was selected.
#[derive(Debug)]
pub(super) struct Options {
    /// The link to the result; none: nothing keeps it.
    pub(super) out_link: Option<PathBuf>,
    /// Whether the outputs' paths are printed.
    pub(super) prints: bool,
    /// Whether only to tell what would be built.
    pub(super) dry_run: bool,
    /// What to do about outputs that are there already.
    pub(super) mode: BuildMode,
}

/// Runs `nivis build`.
pub(crate) fn run(cx: &mut Context, args: BuildArgs) -> Outcome {
    args.evaluation.apply(cx)?;
    if args.keep_going {
        cx.settings.force("keep-going", "true");
    }
    if args.keep_failed {
        cx.settings.force("keep-failed", "true");
    }
    if let Some(jobs) = &args.max_jobs {
        cx.settings.set("max-jobs", jobs)?;
    }
    let options = Options {
        out_link: Some(args.out_link).filter(|_| !args.no_out_link),
        dry_run: args.dry_run,
        prints: true,
        mode: if args.check { BuildMode::Check } else { BuildMode::Normal },
    };
    build(cx, &args.evaluation.request(), &options)
}

/// Builds what the request selects, makes the links and prints the outputs' paths.
///
/// # Errors
///
/// Whatever evaluation or a build meets; links are made only when everything is built.
pub(super) fn build(cx: &Context, request: &Request, options: &Options) -> Outcome {
    let store = cx.open_store()?;
    let store = store.as_ref();
    let targets =
        evaluation::run_observed(cx, store, Access::Write, |eval| selected(eval, store, request))?;
    let wanted: Vec<DerivedPath> = targets.iter().map(derived).collect();
    building::tell_plan(cx, store, &wanted, options.mode)?;
    if options.dry_run {
        return Ok(());
    }
    let realised = Building { mode: options.mode }.run(cx, store, &wanted)?;
    let paths: BTreeMap<(StorePath, String), StorePath> =
        realised.into_iter().filter_map(|one| Some((one.origin?, one.path))).collect();
    let mut numbers: BTreeMap<&StorePath, u32> = BTreeMap::new();
    let mut lines = String::new();
    for one in &targets {
        let next = numbers.len() as u32 + 1;
        let number = *numbers.entry(&one.derivation).or_insert(next);
        let Some(path) = paths.get(&(one.derivation.clone(), one.output.clone())) else {
            let derivation = store.directory().display(&one.derivation);
            let output = &one.output;
            return Err(Failure::new(format!(
                "derivation '{derivation}' does not have output '{output}'"
            )));
        };
        if let Some(link) = &options.out_link {
            let mut link = building::numbered(link, number).into_os_string();
            if one.output != "out" {
                link.push(format!("-{}", one.output));
            }
            building::make_root(store, path, link.as_ref())?;
        }
        lines.push_str(&store.directory().display(path));
        lines.push('\n');
    }
    if options.prints {
        cx.ui.data(lines)?;
    }
    Ok(())
}

fn derived(target: &Target) -> DerivedPath {
    DerivedPath::Built {
        derivation: target.derivation.clone(),
        outputs: OutputNames::Names([target.output.clone()].into()),
    }
}

/// Returns what the request selects: the derivations that are words first, then those of values.
fn selected(
    eval: &mut Eval<'_>,
    store: &dyn Store,
    request: &Request,
) -> Result<Vec<Target>, Stop> {
    let mut targets = Vec::new();
    let mut rest = Request { words: Vec::new(), ..request.clone() };
    for input in request.inputs(".") {
        match (&input, request.is_expression) {
            (Input::File(word), false) => match derivation_argument(store, word) {
                Some((derivation, outputs)) => {
                    targets.push(stored(store, derivation, &outputs)?);
                }
                None => rest.words.push(word.clone()),
            },
            (Input::Flake(text, locking), _) => match Outputs::split(text) {
                Some((text, outputs)) if outputs != Outputs::Default => {
                    let packages = installable::PACKAGES;
                    let (value, path) = installable::value_at(eval, text, locking, packages)?;
                    let derived = of_flake(eval, value, &path, &outputs)?;
                    targets.extend(outputs_of(eval.store(), derived)?);
                }
                _ => rest.words.push(text.clone()),
            },
            (Input::Stdin, _) => rest.words.push("-".to_owned()),
            (Input::Expression(text), _) => rest.words.push(text.clone()),
            (Input::File(word), true) => rest.words.push(word.clone()),
        }
    }
    if rest.words.is_empty() && !targets.is_empty() {
        return Ok(targets);
    }
    evaluation::each_selected(eval, &rest, ".", |eval, selection| {
        for found in select::derivations(eval, selection.value, selection.arguments)? {
            targets.push(target(eval, found)?);
        }
        Ok(())
    })?;
    Ok(targets)
}

/// Returns the outputs of a derivation that were asked for, one by one.
fn outputs_of(store: &dyn Store, derived: DerivedPath) -> Outcome<Vec<Target>> {
    let DerivedPath::Built { derivation, outputs } = derived else { return Ok(Vec::new()) };
    let names = match outputs {
        OutputNames::Names(names) => names,
        OutputNames::All => {
            let known = store.derivation_outputs(&derivation).map_err(of_store)?;
            known.into_keys().collect()
        }
    };
    let target = |output| Target { derivation: derivation.clone(), output };
    Ok(names.into_iter().map(target).collect())
}

/// Returns the output meant by a derivation of the store that was given with `outputs`.
///
/// Source: CppNix, `PackageInfo::PackageInfo`.
fn stored(store: &dyn Store, derivation: StorePath, outputs: &[String]) -> Outcome<Target> {
    let shown = || store.directory().display(&derivation);
    let output = match outputs {
        [] => {
            let read = store.read_derivation(&derivation).map_err(of_store)?;
            let name = read.variable("outputName").unwrap_or(b"out");
            String::from_utf8_lossy(name).into_owned()
        }
        [only] => only.clone(),
        [_, _, ..] => {
            return Err(Failure::new(format!(
                "building more than one derivation output is not supported, in '{}!{}'",
                shown(),
                outputs.join(",")
            )));
        }
    };
    let known = store.derivation_outputs(&derivation).map_err(of_store)?;
    if known.contains_key(&output) {
        return Ok(Target { derivation, output });
    }
    Err(Failure::new(format!("derivation '{}' does not have output '{output}'", shown())))
}
