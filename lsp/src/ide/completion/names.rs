//! Names that no evaluation knows of: options just declared, names of others, arguments.

use std::collections::BTreeSet;

use eval::db::{self, Db};
use eval::inspect::{Base, Lookup};
use eval::module_bindings;
use eval::option_tree::{Component, Step};
use syntax::{SyntaxKind, TextRange, TextSize};

use super::super::cursor::Part;
use super::super::diagnostics::declarations;
use super::super::goto_definition::path_target;
use super::super::scene::{Scene, entry_names, flattened, text as text_of};
use super::super::workspace;
use super::{Completion, CompletionItem, CompletionKind, is_plain};

/// The arguments of every module.
const MODULE_ARGUMENTS: [&str; 5] = ["config", "lib", "modulesPath", "options", "pkgs"];

/// Adds the options that open files declare and the last evaluation has not seen.
pub(super) fn declared(
    db: &dyn Db,
    scene: &Scene<'_>,
    path: &[Part],
    range: TextRange,
    completion: &mut Completion,
) {
    let is_inside = scene.knowledge.role.is_some_and(|role| !role.prefix.is_empty());
    let Some(names) = names_of(path).filter(|_| !is_inside) else { return };
    let mut known: BTreeSet<String> =
        completion.items.iter().map(|item| item.label.clone()).collect();
    for file in scene.knowledge.files {
        for option in declarations(db::tree(db, *file)) {
            let Some(rest) = rest_of(&option, &names) else { continue };
            let Some((next, further)) = rest.split_first() else { continue };
            if known.insert(next.clone()) {
                let kind = if further.is_empty() {
                    CompletionKind::Option
                } else {
                    CompletionKind::OptionSet
                };
                add(completion, next, kind, "declared here", range);
            }
        }
    }
}

/// Adds the names that other definitions use in a set of anything by any name.
pub(super) fn used(
    db: &dyn Db,
    scene: &Scene<'_>,
    path: &[Part],
    range: TextRange,
    completion: &mut Completion,
) {
    let components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    let node = scene.knowledge.options.and_then(|options| options.lookup(&components));
    let Some(option) = node.and_then(|it| it.option.as_deref()) else { return };
    let is_named = match &option.sub {
        Some(sub) => sub.step == Step::Named,
        None => option.takes.element.is_some(),
    };
    let Some(names) = names_of(path).filter(|_| is_named) else { return };
    let mut found: BTreeSet<String> = BTreeSet::new();
    for source in workspace::sources(db, scene.knowledge) {
        if !names.iter().all(|it| source.may_hold(it)) {
            continue;
        }
        for binding in module_bindings::module_bindings(source.parsed().tree()) {
            let whole = match binding.path.split_first() {
                Some((first, rest)) if first == "config" => rest,
                _ => binding.path.as_slice(),
            };
            let Some(next) = rest_of(whole, &names).and_then(<[String]>::first) else { continue };
            let is_here = source.path == *scene.path && binding.name_range.contains_range(range);
            if !is_here && !next.contains("${") && !next.is_empty() {
                found.insert(next.clone());
            }
        }
    }
    for name in found {
        add(completion, &name, CompletionKind::Attribute, "used elsewhere", range);
    }
}

/// Adds the arguments that the function at the cursor is called with; `false` where no formal is.
pub(super) fn formals(
    db: &dyn Db,
    scene: &Scene<'_>,
    offset: TextSize,
    completion: &mut Completion,
) -> bool {
    let at = u32::from(offset);
    let around = scene.around(scene.last_token_end(at));
    let Some(formals) = around.iter().rev().find(|it| it.kind() == SyntaxKind::Formals) else {
        return false;
    };
    let is_closed = formals.token(SyntaxKind::BraceClose).is_some_and(|it| it.end() <= at);
    let is_before = formals.token(SyntaxKind::BraceOpen).is_none_or(|it| it.end() > at);
    let formal = formals.children().find(|it| it.start() <= at && at <= it.end());
    let is_default = formal.is_some_and(|it| {
        it.kind() == SyntaxKind::Formal
            && it.child(SyntaxKind::Name).is_some_and(|name| name.end() < at)
    });
    if is_closed || is_before || is_default || scene.is_comment_or_string(at) {
        return false;
    }
    let range = match formal.and_then(|it| it.child(SyntaxKind::Name)) {
        Some(name) => name.range(),
        None => TextRange::empty(offset),
    };
    let given: BTreeSet<String> = formals
        .children()
        .filter(|it| Some(*it) != formal)
        .filter_map(|it| it.child(SyntaxKind::Name).map(text_of))
        .collect();
    let mut names = if super::super::surroundings::is_outputs_formals(scene, *formals) {
        super::flake::formals(scene).into_iter().collect()
    } else {
        arguments(db, scene, completion)
    };
    names.retain(|name| !given.contains(name));
    for name in names {
        add(completion, &name, CompletionKind::Variable, "argument", range);
    }
    true
}

fn arguments(db: &dyn Db, scene: &Scene<'_>, completion: &mut Completion) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let looked_up = |base, path: &[&str]| {
        let path = path.iter().map(|name| (*name).to_owned()).collect();
        scene.knowledge.values.map(|values| values.get(&Lookup { base, path }))
    };
    let found = match scene.knowledge.role {
        Some(role) => {
            names.extend(MODULE_ARGUMENTS.map(str::to_owned));
            names.extend(role.arguments.iter().cloned());
            if !role.prefix.is_empty() {
                names.extend(["osConfig", "name"].map(str::to_owned));
            }
            let lookup = super::super::surroundings::arguments(scene);
            let values = scene.knowledge.values;
            lookup.and_then(|lookup| values.map(|values| values.get(&lookup)))
        }
        None => {
            let is_filled_in = call_arguments(db, scene, &mut names) || scene.is_package();
            if is_filled_in { looked_up(Base::Packages, &[]) } else { None }
        }
    };
    match found {
        Some(Some(found)) => names.extend(found.names.iter().cloned()),
        Some(None) => completion.is_incomplete = true,
        None => {}
    }
    names
}

/// Adds the names in the sets that other files call the function of this one with; whether one of
/// them takes the others from the package set.
fn call_arguments(db: &dyn Db, scene: &Scene<'_>, names: &mut BTreeSet<String>) -> bool {
    let mut is_filled_in = false;
    let own = file_word(&scene.path.bytes);
    for source in workspace::sources(db, scene.knowledge) {
        let path = &source.path;
        // Whoever does not write the file's name is where a path leads there without.
        if !source.may_hold(&own) && !shares_directory(&path.bytes, &scene.path.bytes) {
            continue;
        }
        let parsed = source.parsed();
        for call in parsed.tree().root().descendants().filter(|it| it.kind() == SyntaxKind::Apply) {
            let (function, arguments) = flattened(call, Vec::new());
            let (Some(file), Some(set)) = (arguments.first(), arguments.get(1)) else { continue };
            let target = path_target(&path.bytes, &text_of(*file));
            let is_own = target.is_some_and(|target| {
                let inner = [&target.bytes, &b"/default.nix"[..]].concat();
                *target.bytes == *scene.path.bytes || inner == *scene.path.bytes
            });
            if file.kind() != SyntaxKind::Path || !is_own {
                continue;
            }
            is_filled_in |= function.text().ends_with(b"callPackage");
            let given = entry_names(set.without_parens().children(), 0);
            names.extend(given.into_iter().map(|it| it.name));
        }
    }
    is_filled_in
}

/// Returns the name by which paths lead to a file: its own, or its directory's.
fn file_word(path: &[u8]) -> String {
    let path = path.strip_suffix(b"/default.nix").unwrap_or(path);
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// Whether a file lies in the directory of another one, or below it.
fn shares_directory(path: &[u8], other: &[u8]) -> bool {
    let directory = other.iter().rposition(|&byte| byte == b'/').and_then(|at| other.get(..=at));
    directory.is_some_and(|it| path.starts_with(it))
}

fn names_of(path: &[Part]) -> Option<Vec<&str>> {
    path.iter()
        .map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Element => None,
        })
        .collect()
}

fn rest_of<'a>(path: &'a [String], names: &[&str]) -> Option<&'a [String]> {
    let starts = path.len() >= names.len() && path.iter().zip(names).all(|(a, b)| a == b);
    if starts { path.get(names.len()..) } else { None }
}

fn add(
    completion: &mut Completion,
    name: &str,
    kind: CompletionKind,
    detail: &str,
    range: TextRange,
) {
    let label = if is_plain(name) { name.to_owned() } else { format!("{name:?}") };
    let detail = Some(detail.to_owned());
    completion.items.push(CompletionItem { label, kind, detail, subject: None, range });
}
