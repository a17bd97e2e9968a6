//! What is wrong with the inputs of a flake: followed ones that are not there, unused, not locked.

use eval::diagnostic::{Diagnostic, Severity};
use serde_json::Value;
use syntax::TextRange;

use super::super::Knowledge;
use super::super::scene::Scene;
use super::{Input, Lock, Taken, inputs, is_flake, taken};

/// Returns what is wrong with the inputs of a flake.
pub(in crate::ide) fn lints(knowledge: Knowledge<'_>, scene: &Scene<'_>) -> Vec<Diagnostic> {
    if !is_flake(scene) {
        return Vec::new();
    }
    let declared = inputs(scene.tree);
    let taken = taken(scene.tree);
    let lock = Lock::beside(knowledge, scene);
    let mut found = Vec::new();
    for input in &declared {
        for (path, range) in &input.follows {
            let first = path.split('/').next().unwrap_or_default();
            let is_there =
                first.is_empty() || declared.iter().any(|it| it.name == first) || taken.has(first);
            if !is_there {
                let message = format!("there is no input `{first}` to follow");
                found.push(finding("flake-follows", Severity::Warning, *range, message));
            }
        }
        found.extend(not_taken(input, &taken, &declared));
        found.extend(lock.as_ref().and_then(|lock| not_as_locked(lock, input)));
    }
    found
}

/// Says that `outputs` does not take an input: without an ellipsis that is an error.
fn not_taken(input: &Input, taken: &Taken, declared: &[Input]) -> Option<Diagnostic> {
    if taken.has(&input.name) || taken.names.is_empty() {
        return None;
    }
    if !taken.is_open {
        let message = format!("`outputs` takes neither `{}` nor `...`", input.name);
        return Some(finding("unused-input", Severity::Error, input.range, message));
    }
    let mut followed = declared.iter().flat_map(|it| &it.follows);
    if taken.is_named || followed.any(|it| it.0.split('/').next() == Some(&input.name)) {
        return None;
    }
    let message = format!("the input `{}` is not used", input.name);
    let mut finding = finding("unused-input", Severity::Hint, input.range, message);
    finding.is_unnecessary = true;
    Some(finding)
}

/// Says that an input is not in the lock file, or that this has another address.
fn not_as_locked(lock: &Lock, input: &Input) -> Option<Diagnostic> {
    let Some(node) = lock.input(std::slice::from_ref(&input.name)) else {
        let message = format!("the input `{}` is not locked yet", input.name);
        return Some(finding("flake-lock", Severity::Warning, input.range, message));
    };
    let (url, range) = input.url.as_ref()?;
    let (owner, rest) = url.strip_prefix("github:")?.split_once('/')?;
    if rest.contains(['?', '%']) {
        return None;
    }
    let (repo, reference) = match rest.split_once('/') {
        Some((repo, reference)) => (repo, Some(reference)),
        None => (rest, None),
    };
    let original = node.get("original")?;
    let of = |key: &str| original.get(key).and_then(Value::as_str);
    let is_same = |a: Option<&str>, b: &str| a.is_some_and(|a| a.eq_ignore_ascii_case(b));
    let is_it = is_same(of("owner"), owner)
        && is_same(of("repo"), repo)
        && of("ref").or(of("rev")) == reference;
    if of("type") == Some("github") && is_it {
        return None;
    }
    let message = format!("the lock file has another address of the input `{}`", input.name);
    Some(finding("flake-lock", Severity::Warning, *range, message))
}

fn finding(
    code: &'static str,
    severity: Severity,
    range: TextRange,
    message: String,
) -> Diagnostic {
    Diagnostic {
        code,
        severity,
        range,
        message,
        hint: None,
        is_unnecessary: false,
        related: Vec::new(),
    }
}
