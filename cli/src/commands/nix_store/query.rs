//! `nix-store --query`: what the store knows of its objects.

mod graph;
mod print;

pub(super) use print::{dump_database, print_env, read_log};

use super::Line;
use crate::context::{Context, store_path};
use crate::flags::Flags;
use crate::report::{Failure, Outcome, of_store};
use graph::{graph, graph_ml};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use store::closure::{closure, sorted_by_reference};
use store::{HashFormat, PathInfo, Store, StorePath};

/// What is asked of each path.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
enum Question {
    #[default]
    Outputs,
    Requisites,
    References,
    Referrers,
    ReferrersClosure,
    Deriver,
    ValidDerivers,
    Binding(String),
    Hash,
    Size,
    Tree,
    Graph,
    GraphMl,
    Roots,
    Resolve,
}

/// The flags of a query.
pub(super) const FLAGS: &[&str] = &[
    "--include-outputs",
    "--use-output",
    "-u",
    "--force-realise",
    "--force-realize",
    "-f",
    "--outputs",
    "--requisites",
    "-R",
    "--references",
    "--referrers",
    "--referers",
    "--referrers-closure",
    "--referers-closure",
    "--deriver",
    "-d",
    "--valid-derivers",
    "--binding",
    "-b",
    "--hash",
    "--size",
    "--tree",
    "--graph",
    "--graphml",
    "--roots",
    "--resolve",
];

/// The question and how paths are meant.
#[derive(Default, Debug)]
pub(super) struct Query {
    question: Option<Question>,
    include_outputs: bool,
    use_output: bool,
    force_realise: bool,
}

impl Query {
    /// Takes a flag of a query; `false` if it is none.
    pub(super) fn take_flag(&mut self, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        let question = match flag {
            "--include-outputs" => {
                self.include_outputs = true;
                return Ok(true);
            }
            "--use-output" | "-u" => {
                self.use_output = true;
                return Ok(true);
            }
            "--force-realise" | "--force-realize" | "-f" => {
                self.force_realise = true;
                return Ok(true);
            }
            "--outputs" => Question::Outputs,
            "--requisites" | "-R" => Question::Requisites,
            "--references" => Question::References,
            "--referrers" | "--referers" => Question::Referrers,
            "--referrers-closure" | "--referers-closure" => Question::ReferrersClosure,
            "--deriver" | "-d" => Question::Deriver,
            "--valid-derivers" => Question::ValidDerivers,
            "--binding" | "-b" => Question::Binding(flags.own_value(flag)?),
            "--hash" => Question::Hash,
            "--size" => Question::Size,
            "--tree" => Question::Tree,
            "--graph" => Question::Graph,
            "--graphml" => Question::GraphMl,
            "--resolve" => Question::Resolve,
            "--roots" => Question::Roots,
            _ => return Ok(false),
        };
        match self.question.replace(question) {
            Some(_) => Err(Failure::usage("nix-store", format!("query type '{flag}' conflicts"))),
            None => Ok(true),
        }
    }
}

/// Answers the question for each operand.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let store = store.as_ref();
    let question = line.query.question.clone().unwrap_or_default();
    let use_output = line.query.use_output || question == Question::Outputs;
    let mut paths = Vec::new();
    for operand in &line.operands {
        let path = store_path(store, operand)?;
        paths.extend(meant(cx, store, &line.query, use_output, path)?);
    }
    let answer = match question {
        Question::Outputs => lines(store, &paths),
        Question::Requisites => requisites(store, &paths, line.query.include_outputs)?,
        Question::References => {
            related(store, &paths, |path| Ok(info(store, path)?.references.into_iter().collect()))?
        }
        Question::Referrers => related(store, &paths, |path| {
            info(store, path)?;
            Ok(store.referrers(path).map_err(of_store)?.into_iter().collect())
        })?,
        Question::ReferrersClosure => {
            let all = referrers_closure(store, &paths)?;
            sorted_lines(store, all)?
        }
        Question::Deriver => each(&paths, |path| {
            let deriver = info(store, path)?.deriver;
            let shown = deriver.map(|deriver| store.directory().display(&deriver));
            Ok(shown.unwrap_or_else(|| "unknown-deriver".to_owned()))
        })?,
        Question::ValidDerivers => related(store, &paths, |path| {
            Ok(store.valid_derivers(path).map_err(of_store)?.into_iter().collect())
        })?,
        Question::Binding(name) => each(&paths, |path| binding(store, path, &name))?,
        Question::Hash => {
            each(&paths, |path| Ok(info(store, path)?.nar_hash.prefixed(HashFormat::Base32)))?
        }
        Question::Size => each(&paths, |path| Ok(info(store, path)?.nar_size.to_string()))?,
        Question::Tree => {
            let mut tree = Tree { store, done: BTreeSet::new(), out: String::new() };
            for path in &paths {
                tree.print(path, "", "")?;
            }
            tree.out
        }
        Question::Graph => graph(store, &paths)?,
        Question::GraphMl => graph_ml(store, &paths)?,
        Question::Resolve => lines(store, &paths),
        Question::Roots => roots(store, &paths)?,
    };
    Ok(cx.ui.data(answer)?)
}

/// Returns the path itself, or the outputs of the derivation that it is.
fn meant(
    cx: &Context,
    store: &dyn Store,
    query: &Query,
    use_output: bool,
    path: StorePath,
) -> Outcome<Vec<StorePath>> {
    if query.force_realise {
        let realised = super::realise::build(cx, store, std::slice::from_ref(&path))?;
        if use_output {
            return Ok(realised);
        }
    }
    if !use_output || !path.is_derivation() {
        return Ok(vec![path]);
    }
    let outputs = store.derivation_outputs(&path).map_err(of_store)?;
    let known = outputs.into_iter().map(|(name, output)| {
        output.ok_or_else(|| {
            let path = store.directory().display(&path);
            Failure::new(format!("output '{name}' of '{path}' is not known before it is built"))
        })
    });
    known.collect()
}

fn info(store: &dyn Store, path: &StorePath) -> Outcome<PathInfo> {
    let info = store.path_info(path).map_err(of_store)?;
    info.ok_or_else(|| {
        Failure::new(format!("path '{}' is not valid", store.directory().display(path)))
    })
}

fn each(
    paths: &[StorePath],
    mut answer: impl FnMut(&StorePath) -> Outcome<String>,
) -> Outcome<String> {
    let mut out = String::new();
    for path in paths {
        out.push_str(&answer(path)?);
        out.push('\n');
    }
    Ok(out)
}

fn lines<'p>(store: &dyn Store, paths: impl IntoIterator<Item = &'p StorePath>) -> String {
    let mut out = String::new();
    for path in paths {
        let _ = writeln!(out, "{}", store.directory().display(path));
    }
    out
}

/// Shows paths, each after those it refers to.
fn sorted_lines(store: &dyn Store, paths: BTreeSet<StorePath>) -> Outcome<String> {
    let mut references = BTreeMap::new();
    for path in paths {
        let known = store.path_info(&path).map_err(of_store)?;
        references.insert(path, known.map(|info| info.references).unwrap_or_default());
    }
    let sorted = sorted_by_reference(&references).map_err(Failure::new)?;
    Ok(lines(store, &sorted))
}

fn related(
    store: &dyn Store,
    paths: &[StorePath],
    mut next: impl FnMut(&StorePath) -> Outcome<Vec<StorePath>>,
) -> Outcome<String> {
    let mut all = BTreeSet::new();
    for path in paths {
        all.extend(next(path)?);
    }
    sorted_lines(store, all)
}

fn requisites(store: &dyn Store, paths: &[StorePath], outputs: bool) -> Outcome<String> {
    let reached = closure(paths.to_vec(), |path| -> Outcome<Vec<StorePath>> {
        let mut next: Vec<StorePath> = info(store, path)?.references.into_iter().collect();
        if outputs && path.is_derivation() {
            let known = store.derivation_outputs(path).map_err(of_store)?;
            for output in known.into_values().flatten() {
                if store.is_valid(&output).map_err(of_store)? {
                    next.push(output);
                }
            }
        }
        Ok(next)
    })?;
    sorted_lines(store, reached)
}

fn referrers_closure(store: &dyn Store, paths: &[StorePath]) -> Outcome<BTreeSet<StorePath>> {
    closure(paths.to_vec(), |path| {
        info(store, path)?;
        Ok(store.referrers(path).map_err(of_store)?.into_iter().collect())
    })
}

fn binding(store: &dyn Store, path: &StorePath, name: &str) -> Outcome<String> {
    let derivation = store.read_derivation(path).map_err(of_store)?;
    match derivation.variable(name) {
        Some(value) => Ok(String::from_utf8_lossy(value).into_owned()),
        None => {
            let path = store.directory().display(path);
            Err(Failure::new(format!(
                "derivation '{path}' has no environment binding named '{name}'"
            )))
        }
    }
}

/// The tree of references, where what was shown once is only named again.
struct Tree<'s> {
    store: &'s dyn Store,
    done: BTreeSet<StorePath>,
    out: String,
}

impl Tree<'_> {
    fn print(&mut self, path: &StorePath, first: &str, rest: &str) -> Outcome {
        let shown = self.store.directory().display(path);
        if !self.done.insert(path.clone()) {
            let _ = writeln!(self.out, "{first}{shown} [...]");
            return Ok(());
        }
        let _ = writeln!(self.out, "{first}{shown}");
        let mut references = BTreeMap::new();
        for reference in info(self.store, path)?.references {
            let below = info(self.store, &reference)?.references;
            references.insert(reference, below);
        }
        let mut sorted = sorted_by_reference(&references).map_err(Failure::new)?;
        sorted.reverse();
        let last = sorted.len();
        for (idx, reference) in sorted.iter().enumerate() {
            let (branch, below) =
                if idx + 1 == last { ("└───", "    ") } else { ("├───", "│   ") };
            self.print(reference, &format!("{rest}{branch}"), &format!("{rest}{below}"))?;
        }
        Ok(())
    }
}

/// The roots that keep the paths alive.
fn roots(store: &dyn Store, paths: &[StorePath]) -> Outcome<String> {
    let kept = referrers_closure(store, paths)?;
    let mut out = String::new();
    for (target, links) in store.roots().map_err(of_store)? {
        for link in links.iter().filter(|_| kept.contains(&target)) {
            let _ = writeln!(out, "{link} -> {}", store.directory().display(&target));
        }
    }
    Ok(out)
}
