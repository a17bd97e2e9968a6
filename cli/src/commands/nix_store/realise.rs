//! `nix-store --realise`: making paths valid, by building where needed.

use super::{Line, paths};
use crate::building::{self, Building};
use crate::context::Context;
use crate::report::{Failure, Outcome, of_store};
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames, Store, StorePath};

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

/// Returns what to realise for a path as it was given.
fn target(path: &StorePath) -> DerivedPath {
    if path.is_derivation() {
        DerivedPath::Built { derivation: path.clone(), outputs: OutputNames::All }
    } else {
        DerivedPath::Opaque(path.clone())
    }
}

/// Realises the operands and prints the resulting paths.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let store = store.as_ref();
    let mut targets = Vec::new();
    for path in paths(store, line)? {
        let known = path.is_derivation() || store.is_valid(&path).map_err(of_store)?;
        if !line.realise.ignore_unknown || known {
            targets.push(target(&path));
        }
    }
    let mode = match (line.realise.check, line.repair) {
        (true, true) => return Err(Failure::new("--check and --repair exclude each other")),
        (true, false) => BuildMode::Check,
        (false, true) => BuildMode::Repair,
        (false, false) => BuildMode::Normal,
    };
    if line.realise.dry_run {
        return building::tell_plan(cx, store, &targets, mode);
    }
    let realised = Building { mode }.run(cx, store, &targets)?;
    let mut number = 0;
    for output in realised {
        let path = store.directory().display(&output.path);
        let Some(link) = &line.add_root else {
            cx.ui.line(path)?;
            continue;
        };
        number += 1;
        let mut name = link.clone().into_os_string();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        if let Some((_, output)) = output.origin.filter(|(_, output)| output != "out") {
            name.push(format!("-{output}"));
        }
        let link = building::make_root(store, &output.path, name.as_ref())?;
        cx.ui.line(link.display())?;
    }
    Ok(())
}

/// Builds the paths and returns what came out.
pub(super) fn build(
    cx: &Context,
    store: &dyn Store,
    paths: &[StorePath],
) -> Outcome<Vec<StorePath>> {
    let targets: Vec<DerivedPath> = paths.iter().map(target).collect();
    let realised = Building { mode: BuildMode::Normal }.run(cx, store, &targets)?;
    Ok(realised.into_iter().map(|output| output.path).collect())
}
