//! `nix-store --realise`: making paths valid, by building where needed.

use super::Line;
use crate::building::{self, Building};
use crate::context::{Context, store_path_with_outputs};
use crate::report::{Failure, Outcome, of_store};
use std::collections::BTreeSet;
use std::path::Path;
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames, Realised, Store, StorePath};

/// What realising does besides building.
#[derive(Default, Debug)]
pub(super) struct Options {
    dry_run: bool,
    check: bool,
    ignore_unknown: bool,
}

impl Options {
    /// Takes a flag of realising; `false` if it is none.
    pub(super) fn take_flag(&mut self, flag: &str) -> bool {
        match flag {
            "--dry-run" => self.dry_run = true,
            "--check" => self.check = true,
            "--ignore-unknown" => self.ignore_unknown = true,
            _ => return false,
        }
        true
    }
}

/// Returns what to realise for a path and the outputs named with it.
fn target(path: StorePath, outputs: Vec<String>) -> DerivedPath {
    if !path.is_derivation() {
        return DerivedPath::Opaque(path);
    }
    let outputs = if outputs.is_empty() {
        OutputNames::All
    } else {
        OutputNames::Names(outputs.into_iter().collect())
    };
    DerivedPath::Built { derivation: path, outputs }
}

/// Realises the operands and prints the resulting paths.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let store = store.as_ref();
    let mut targets = Vec::new();
    for operand in &line.operands {
        let (path, outputs) = store_path_with_outputs(store, operand)?;
        let is_known = path.is_derivation() || store.is_valid(&path).map_err(of_store)?;
        if !line.realise.ignore_unknown || is_known {
            targets.push(target(path, outputs));
        }
    }
    let mode = match (line.realise.check, line.repair) {
        (true, true) => return Err(Failure::new("--check and --repair exclude each other")),
        (true, false) => BuildMode::Check,
        (false, true) => BuildMode::Repair,
        (false, false) => BuildMode::Normal,
    };
    building::tell_plan(cx, store, &targets, mode)?;
    if line.realise.dry_run {
        return Ok(());
    }
    let realised = Building { mode }.run(cx, store, &targets)?;
    if line.add_root.is_none() && !line.hides_warning {
        cx.ui.warn(
            "you did not specify '--add-root'; the result might be removed by the garbage \
             collector",
        );
    }
    for (target, number) in targets.iter().zip(1..) {
        for shown in results(store, target, &realised, line.add_root.as_deref(), number)? {
            cx.ui.line(shown)?;
        }
    }
    Ok(())
}

/// Returns what is printed for a target: its paths, or the links that keep them, sorted.
fn results(
    store: &dyn Store,
    target: &DerivedPath,
    realised: &[Realised],
    add_root: Option<&Path>,
    number: u32,
) -> Outcome<BTreeSet<String>> {
    let mut shown = BTreeSet::new();
    for one in realised {
        let output = match (target, &one.origin) {
            (DerivedPath::Opaque(path), None) if *path == one.path => "out",
            (DerivedPath::Built { derivation, outputs }, Some((origin, output)))
                if derivation == origin && outputs.contains(output) =>
            {
                output.as_str()
            }
            _ => continue,
        };
        let Some(link) = add_root else {
            shown.insert(store.directory().display(&one.path));
            continue;
        };
        let mut name = building::numbered(link, number).into_os_string();
        if output != "out" {
            name.push(format!("-{output}"));
        }
        let link = building::make_root(store, &one.path, name.as_ref())?;
        shown.insert(link.display().to_string());
    }
    Ok(shown)
}

/// Builds the paths and returns what came out.
pub(super) fn build(
    cx: &Context,
    store: &dyn Store,
    paths: &[StorePath],
) -> Outcome<Vec<StorePath>> {
    let targets: Vec<DerivedPath> =
        paths.iter().map(|path| target(path.clone(), Vec::new())).collect();
    let realised = Building { mode: BuildMode::Normal }.run(cx, store, &targets)?;
    Ok(realised.into_iter().map(|output| output.path).collect())
}
