//! `nix build`: installables with their outputs, the links to these, profiles and JSON.
//!
//! A word names a flake's attribute, a store path, or an attribute of a file or an expression;
//! `^dev,out` or `^*` after it chooses outputs.

use super::Line;
use crate::building::{self, Building};
use crate::context::{Context, store_path};
use crate::evaluation::{self, Stop};
use crate::flags::{Flags, Word};
use crate::installable::{self, Features};
use crate::report::{Failure, Outcome, of_store};
use crate::request::Request;
use crate::stores::Access;
use eval::installable::{Outputs, of_flake, of_value};
use eval::interpret::Eval;
use eval::select;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use store::profile::Profile;
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames, Realised, Store, StorePath};

/// What to do with what is built.
#[derive(Debug)]
struct Options {
    /// The link to the result; none: nothing keeps it.
    out_link: Option<PathBuf>,
    /// The profile that the result becomes the newest generation of.
    profile: Option<PathBuf>,
    prints: bool,
    json: bool,
    dry_run: bool,
    mode: BuildMode,
}

/// One word of the command line.
#[derive(Clone, Debug)]
enum Wanted {
    /// Something in the store already.
    Stored(DerivedPath),
    /// The flake or attribute at this place among the words of the request.
    Evaluated(Outputs),
}

/// What one target has become: outputs by name with their paths, or a path as such.
#[derive(Debug)]
enum Built {
    Opaque(StorePath),
    Outputs(StorePath, BTreeMap<String, StorePath>),
}

/// Runs `nix build`.
pub(super) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line::default();
    let mut options = Options {
        out_link: Some(PathBuf::from("result")),
        profile: None,
        prints: false,
        json: false,
        dry_run: false,
        mode: BuildMode::Normal,
    };
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(word) => line.words.push(word),
            Word::Flag(flag) => match flag.as_str() {
                "--no-link" => options.out_link = None,
                "-o" | "--out-link" => options.out_link = Some(flags.own_value(&flag)?.into()),
                "--profile" => options.profile = Some(flags.own_value(&flag)?.into()),
                "--dry-run" => options.dry_run = true,
                "--print-out-paths" => options.prints = true,
                "--rebuild" => options.mode = BuildMode::Check,
                "--repair" => options.mode = BuildMode::Repair,
                "--json" => options.json = true,
                "--stdin" => {
                    let text = evaluation::read_stdin()?;
                    let text = String::from_utf8_lossy(&text);
                    line.words.extend(text.split_whitespace().map(str::to_owned));
                }
                _ => line.take_flag(cx, &flag, &mut flags)?,
            },
        }
    }
    let store = cx.open_store()?;
    let store = store.as_ref();
    let wanted = part_words(cx, store, &mut line)?;
    let is_evaluated = wanted.iter().any(|it| matches!(it, Wanted::Evaluated(_)));
    let targets = if is_evaluated {
        let request = line.request(cx, &flags)?;
        let work = |eval: &mut Eval<'_>| evaluated(eval, &request, &wanted);
        evaluation::run(cx, store, Access::Write, work)?
    } else {
        installable::prepare(cx, Features::Command, false)?;
        let stored = |it: &Wanted| match it {
            Wanted::Stored(path) => Some(path.clone()),
            Wanted::Evaluated(_) => None,
        };
        wanted.iter().filter_map(stored).collect()
    };
    build(cx, store, &targets, &options)
}

/// Takes the outputs off the words, and those words away that name something in the store.
fn part_words(cx: &Context, store: &dyn Store, line: &mut Line) -> Outcome<Vec<Wanted>> {
    let is_flake = line.file.is_none() && line.expression.is_none();
    let mut words = std::mem::take(&mut line.words);
    if words.is_empty() {
        words.push(if is_flake { "." } else { "" }.to_owned());
    }
    let mut wanted = Vec::with_capacity(words.len());
    for word in words {
        let Some((text, outputs)) = Outputs::split(&word) else {
            return Err(Failure::new(format!("invalid extended outputs specifier '{word}'")));
        };
        if is_flake
            && text.contains('/')
            && let Ok(path) = store_path(store, text)
        {
            wanted.push(Wanted::Stored(stored(cx, store, path, &outputs)));
            continue;
        }
        line.words.push(text.to_owned());
        wanted.push(Wanted::Evaluated(outputs));
    }
    Ok(wanted)
}

/// Returns what a path of the store means: itself, or the outputs named of a derivation.
fn stored(cx: &Context, store: &dyn Store, path: StorePath, outputs: &Outputs) -> DerivedPath {
    match outputs {
        Outputs::Default => {
            if path.is_derivation() {
                cx.ui.warn(format!(
                    "The interpretation of store paths arguments ending in `.drv` recently \
                     changed. If this command is now failing try again with '{}^*'",
                    store.directory().display(&path)
                ));
            }
            DerivedPath::Opaque(path)
        }
        Outputs::All | Outputs::Names(_) => {
            let outputs = outputs.names(BTreeSet::new);
            DerivedPath::Built { derivation: path, outputs }
        }
    }
}

/// Evaluates what is not in the store yet.
fn evaluated(
    eval: &mut Eval<'_>,
    request: &Request,
    wanted: &[Wanted],
) -> Result<Vec<DerivedPath>, Stop> {
    let mut targets = Vec::new();
    let arguments = evaluation::arguments(eval, request)?;
    let mut words = request.words.iter();
    let top = match request.inputs(".").first() {
        Some(input) if !request.is_flake => Some(evaluation::value_of(eval, input)?),
        _ => None,
    };
    let paths = request.attribute_paths();
    let mut paths = paths.iter();
    for one in wanted {
        let outputs = match one {
            Wanted::Stored(path) => {
                targets.push(path.clone());
                continue;
            }
            Wanted::Evaluated(outputs) => outputs,
        };
        if let Some(top) = top {
            let path = paths.next().map(String::as_str).unwrap_or_default();
            let value = select::select(eval, top, path, arguments)?;
            targets.extend(of_value(eval, value, arguments, outputs)?);
        } else if let Some(word) = words.next() {
            let locking = &request.locking;
            let (value, path) = installable::value_at(eval, word, locking, installable::PACKAGES)?;
            targets.push(of_flake(eval, value, &path, outputs)?);
        }
    }
    Ok(targets)
}

fn build(cx: &Context, store: &dyn Store, targets: &[DerivedPath], options: &Options) -> Outcome {
    building::tell_plan(cx, store, targets, options.mode)?;
    if options.dry_run {
        if options.json {
            let planned = targets.iter().map(|target| planned(store, target));
            let planned = planned.collect::<Outcome<Vec<Built>>>()?;
            cx.ui.data(to_json(store, &planned))?;
        }
        return Ok(());
    }
    for target in targets {
        check_outputs(store, target)?;
    }
    let realised = Building { mode: options.mode }.run(cx, store, targets)?;
    let built: Vec<Built> = targets.iter().map(|target| built(target, &realised)).collect();
    if options.json {
        cx.ui.data(to_json(store, &built))?;
    }
    if let Some(link) = &options.out_link {
        for (one, index) in built.iter().zip(0..) {
            make_links(store, one, link, index)?;
        }
    }
    if options.prints {
        for path in built.iter().flat_map(Built::paths) {
            cx.ui.line(store.directory().display(path))?;
        }
    }
    match &options.profile {
        Some(profile) => set_profile(store, profile, &built),
        None => Ok(()),
    }
}

impl Built {
    fn paths(&self) -> Vec<&StorePath> {
        match self {
            Built::Opaque(path) => vec![path],
            Built::Outputs(_, outputs) => outputs.values().collect(),
        }
    }
}

/// Refuses outputs that a derivation does not have.
fn check_outputs(store: &dyn Store, target: &DerivedPath) -> Outcome {
    let DerivedPath::Built { derivation, outputs: OutputNames::Names(names) } = target else {
        return Ok(());
    };
    let known = store.derivation_outputs(derivation).map_err(of_store)?;
    let missing: Vec<String> = names
        .iter()
        .filter(|name| !known.contains_key(*name))
        .map(|name| format!("'{name}'"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let derivation = store.directory().display(derivation);
    let missing = missing.join(", ");
    Err(Failure::new(format!("derivation '{derivation}' does not have wanted outputs {missing}")))
}

/// Returns what will become of a target, as far as that is known.
fn planned(store: &dyn Store, target: &DerivedPath) -> Outcome<Built> {
    match target {
        DerivedPath::Opaque(path) => Ok(Built::Opaque(path.clone())),
        DerivedPath::Built { derivation, outputs } => {
            let known = store.derivation_outputs(derivation).map_err(of_store)?;
            let chosen = known.into_iter().filter(|(name, _)| outputs.contains(name));
            let chosen = chosen.filter_map(|(name, path)| Some((name, path?)));
            Ok(Built::Outputs(derivation.clone(), chosen.collect()))
        }
    }
}

fn built(target: &DerivedPath, realised: &[Realised]) -> Built {
    match target {
        DerivedPath::Opaque(path) => Built::Opaque(path.clone()),
        DerivedPath::Built { derivation, outputs } => {
            let mut paths = BTreeMap::new();
            for one in realised {
                if let Some((origin, name)) = &one.origin
                    && origin == derivation
                    && outputs.contains(name)
                {
                    paths.insert(name.clone(), one.path.clone());
                }
            }
            Built::Outputs(derivation.clone(), paths)
        }
    }
}

fn to_json(store: &dyn Store, built: &[Built]) -> String {
    let shown = |path: &StorePath| Value::from(store.directory().display(path));
    let one = |it: &Built| match it {
        Built::Opaque(path) => shown(path),
        Built::Outputs(derivation, outputs) => {
            let outputs = outputs.iter().map(|(name, path)| (name.clone(), shown(path)));
            let outputs: Map<String, Value> = outputs.collect();
            let mut entry = json!({ "drvPath": shown(derivation) });
            if !outputs.is_empty() {
                entry["outputs"] = outputs.into();
            }
            entry
        }
    };
    format!("{}\n", Value::Array(built.iter().map(one).collect()))
}

/// Makes the links to what the target of this number, from 0, has become.
fn make_links(store: &dyn Store, built: &Built, link: &Path, index: u32) -> Outcome {
    let mut numbered = link.as_os_str().to_owned();
    if index > 0 {
        numbered.push(format!("-{index}"));
    }
    match built {
        Built::Opaque(path) => {
            building::make_root(store, path, numbered.as_ref())?;
        }
        Built::Outputs(_, outputs) => {
            for (name, path) in outputs {
                let mut link = numbered.clone();
                if name != "out" {
                    link.push(format!("-{name}"));
                }
                building::make_root(store, path, link.as_ref())?;
            }
        }
    }
    Ok(())
}

fn set_profile(store: &dyn Store, profile: &Path, built: &[Built]) -> Outcome {
    let paths: Vec<&StorePath> = built.iter().flat_map(Built::paths).collect();
    let [path] = paths.as_slice() else {
        return Err(Failure::new(format!(
            "'--profile' requires that the arguments produce a single store path, but there are {}",
            paths.len()
        )));
    };
    let profile = Profile::new(std::path::absolute(profile)?).map_err(of_store)?;
    let _held = profile.lock().map_err(of_store)?;
    profile.set(store, path).map_err(of_store)?;
    Ok(())
}
