//! Completion in a `flake.nix`: what flakes are made of, their inputs, their outputs.

use syntax::{TextRange, TextSize};

use super::super::flake::{self, INPUT, Lock, OUTPUTS, Place, SYSTEMS, TOP};
use super::super::scene::Scene;
use super::{Completion, CompletionItem, CompletionKind, is_plain};

/// Adds what a flake may have at the cursor; `true` where that is all.
pub(super) fn complete(scene: &Scene<'_>, offset: TextSize, completion: &mut Completion) -> bool {
    if !flake::is_flake(scene) {
        return false;
    }
    let Some(place) = flake::place(scene, offset.into()) else { return false };
    let lock = || Lock::beside(scene.knowledge, scene);
    match place {
        Place::Name(names, _, range) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            in_set(scene, &names, lock(), range, completion)
        }
        Place::Text(names, range) => {
            if names.last().is_some_and(|it| it == "follows") {
                let inputs = flake::inputs(scene.tree);
                let own = names.get(1).filter(|_| names.len() == 3);
                for input in inputs.iter().filter(|it| Some(&it.name) != own) {
                    add(completion, &input.name, "input", range, CompletionKind::Value);
                }
            }
            true
        }
        Place::Value(names, range) => {
            let is_choice = matches!(names.as_slice(), [first, _, .., last]
                if first == "inputs" && matches!(last.as_str(), "flake" | "submodules"));
            if is_choice {
                for value in ["true", "false"] {
                    add(completion, value, "boolean", range, CompletionKind::Value);
                }
            }
            is_choice
        }
    }
}

fn in_set(
    scene: &Scene<'_>,
    names: &[&str],
    lock: Option<Lock>,
    range: TextRange,
    completion: &mut Completion,
) -> bool {
    match names {
        [] => {
            for (name, detail) in TOP {
                add(completion, name, detail, range, CompletionKind::Attribute);
            }
        }
        ["inputs"] => {
            let declared = flake::inputs(scene.tree);
            let is_new = |name: &str| {
                name != "self" && declared.iter().all(|it| it.name != name || it.range == range)
            };
            let taken = flake::taken(scene.tree);
            for (name, _) in taken.names.iter().filter(|it| is_new(&it.0)) {
                add(completion, name, "taken by `outputs`", range, CompletionKind::Attribute);
            }
            for input in declared.iter().filter(|it| it.range != range) {
                add(completion, &input.name, "input", range, CompletionKind::Attribute);
            }
        }
        ["inputs", _] | ["inputs", .., "inputs", _] => {
            for (name, detail) in INPUT {
                add(completion, name, detail, range, CompletionKind::Attribute);
            }
        }
        ["inputs", .., "inputs"] => {
            let way: Vec<String> =
                names.iter().skip(1).step_by(2).map(|it| (*it).to_owned()).collect();
            for name in lock.map(|it| it.inputs_of(&way)).unwrap_or_default() {
                add(completion, &name, "input", range, CompletionKind::Attribute);
            }
        }
        ["outputs"] => {
            for (name, _, detail) in OUTPUTS {
                add(completion, name, detail, range, CompletionKind::Attribute);
            }
        }
        ["outputs", sort] if is_by_system(sort) => {
            for name in SYSTEMS {
                add(completion, name, "system", range, CompletionKind::Attribute);
            }
        }
        ["outputs", sort, _] if is_by_system(sort) => {
            add(completion, "default", "taken without a name", range, CompletionKind::Attribute);
        }
        ["outputs", "overlays" | "nixosModules" | "homeModules" | "templates"] => {
            add(completion, "default", "taken without a name", range, CompletionKind::Attribute);
        }
        _ => return false,
    }
    true
}

fn is_by_system(sort: &str) -> bool {
    OUTPUTS.iter().any(|(name, by_system, _)| *name == sort && *by_system)
}

/// Adds the inputs, where `outputs` says which it takes.
pub(super) fn formals(scene: &Scene<'_>) -> Vec<String> {
    if !flake::is_flake(scene) {
        return Vec::new();
    }
    let mut names = vec!["self".to_owned()];
    names.extend(flake::inputs(scene.tree).into_iter().map(|it| it.name));
    let lock = Lock::beside(scene.knowledge, scene);
    names.extend(lock.map(|it| it.inputs_of(&[])).unwrap_or_default());
    names
}

fn add(
    completion: &mut Completion,
    name: &str,
    detail: &str,
    range: TextRange,
    kind: CompletionKind,
) {
    if completion.items.iter().any(|it| it.label == name) {
        return;
    }
    let is_text = kind == CompletionKind::Value;
    let label = if is_text || is_plain(name) { name.to_owned() } else { format!("{name:?}") };
    let detail = Some(detail.to_owned());
    completion.items.push(CompletionItem { label, kind, detail, subject: None, range });
}
