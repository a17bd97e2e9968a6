//! `flake archive`, `prefetch` and `prefetch-inputs`: trees into a store.

use super::{Line, with_flake};
use crate::building;
use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::installable;
use crate::report::{Failure, Outcome, of_store};
use crate::stores::{self, Access};
use eval::flake::lock::LockedFlake;
use eval::flake::lock_file::{Edge, NodeId, ROOT, to_json};
use eval::flake::reference::Reference;
use eval::flake::{expected_path, fetch_final, fetch_tree, registry};
use eval::interpret::Eval;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use store::nar::writer::{everything, write_nar};
use store::{Store, StorePath};

/// Brings a flake and all its inputs into a store.
///
/// # Errors
///
/// An input that cannot be fetched, or a store that does not take it.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let (json, paths) = with_flake(cx, line, |eval, locked| {
        let mut archive = Archive { locked: &locked, dry_run: line.dry_run, paths: [].into() };
        let path = archive.path(eval, &locked.flake.tree.locked)?;
        let path = eval.store().directory().display(&path);
        let inputs = archive.inputs(eval, ROOT)?;
        Ok((json!({ "inputs": inputs, "path": path }), archive.paths))
    })?;
    if line.json {
        cx.ui.data(format!("{json}\n"))?;
    }
    match &line.to {
        Some(to) if !line.dry_run => copy(cx, to, &paths),
        _ => Ok(()),
    }
}

struct Archive<'l> {
    locked: &'l LockedFlake,
    /// Whether paths are only computed.
    dry_run: bool,
    paths: BTreeSet<StorePath>,
}

impl Archive<'_> {
    fn path(&mut self, eval: &mut Eval<'_>, locked: &Reference) -> Result<StorePath, Stop> {
        let locked = locked.without_directory();
        let path = match expected_path(eval, &locked)? {
            Some(path) if self.dry_run => path,
            None if self.dry_run => {
                let shown = locked.show();
                let message = format!("cannot compute store path for unlocked input '{shown}'");
                return Err(Failure::new(message).into());
            }
            _ => fetch_final(eval, &locked)?.path,
        };
        self.paths.insert(path.clone());
        Ok(path)
    }

    fn inputs(&mut self, eval: &mut Eval<'_>, node: NodeId) -> Result<Json, Stop> {
        let mut json = Map::new();
        let locked = self.locked;
        for (name, edge) in &locked.lock_file.node(node).inputs {
            let Edge::Node(next) = edge else { continue };
            let mut input = Map::new();
            let lock = locked.lock_file.node(*next).lock.as_ref();
            if let Some(lock) = lock.filter(|lock| lock.locked.relative_path().is_none()) {
                let path = self.path(eval, &lock.locked)?;
                input.insert("path".to_owned(), eval.store().directory().display(&path).into());
            }
            input.insert("inputs".to_owned(), self.inputs(eval, *next)?);
            json.insert(name.clone(), input.into());
        }
        Ok(json.into())
    }
}

/// Copies objects that refer to nothing to another store.
fn copy(cx: &Context, to: &str, paths: &BTreeSet<StorePath>) -> Outcome {
    let source = cx.open_store()?;
    let mut settings = cx.settings.clone();
    settings.force("store", to);
    let target = stores::open(cx.ui, &settings)?;
    for path in paths {
        if target.is_valid(path).map_err(of_store)? {
            continue;
        }
        let Some(info) = source.path_info(path).map_err(of_store)? else {
            let shown = source.directory().display(path);
            return Err(Failure::new(format!("path '{shown}' is not valid")));
        };
        let (tree, place) = source.tree(path).map_err(of_store)?;
        let mut archive = Vec::new();
        write_nar(&*tree, &place, &mut everything, &mut archive)
            .map_err(|error| Failure::new(crate::report::chain(&error)))?;
        target.add_nar(&info, &mut archive.as_slice()).map_err(of_store)?;
    }
    Ok(())
}

/// Brings the tree of a flake into the store and tells what it is.
///
/// # Errors
///
/// A tree that cannot be fetched, or a link that cannot be made.
pub(super) fn prefetch(cx: &Context, line: &Line) -> Outcome {
    let store = cx.lazy_store(Access::Write)?;
    let (resolved, tree) = evaluation::run(cx, &store, Access::Write, |eval| {
        installable::take_inputs(eval, &line.locking)?;
        let text = line.flake.as_deref().unwrap_or(".");
        let reference = super::whole(eval, text)?;
        let resolved = registry::resolve(eval, &reference, line.locking.lookup())?;
        let tree = fetch_tree(eval, &resolved.without_directory())?;
        Ok((resolved, tree))
    })?;
    let shown = store.directory().display(&tree.path);
    let hash = tree.locked.text("narHash").unwrap_or_default();
    let locked = tree.as_fetched(&resolved).in_directory(&resolved.directory());
    if line.json {
        let json = json!({
            "hash": hash,
            "locked": to_json(&locked.to_attrs()),
            "original": to_json(&resolved.to_attrs()),
            "storePath": shown,
        });
        cx.ui.data(format!("{json}\n"))?;
    } else {
        let locked = locked.show();
        cx.ui.tell(format!("Downloaded '{locked}' to '{shown}' (hash '{hash}')."));
    }
    if let Some(link) = &line.out_link {
        building::make_root(&store, &tree.path, link)?;
    }
    Ok(())
}

/// Brings the inputs of a flake into the store.
///
/// # Errors
///
/// A flake that cannot be locked; inputs that cannot be fetched are told, and fail it at the end.
pub(super) fn prefetch_inputs(cx: &Context, line: &Line) -> Outcome {
    let failed = with_flake(cx, line, |eval, locked| {
        let mut failed = 0;
        for reference in installable::inputs(&locked) {
            if let Err(error) = fetch_final(eval, &reference.without_directory()) {
                if error.kind == eval::error::ErrorKind::Cancelled {
                    return Err(error.into());
                }
                cx.ui.error(&error.message);
                failed += 1;
            }
        }
        Ok(failed)
    })?;
    if failed == 0 { Ok(()) } else { Err(Failure::silent(crate::report::FAILURE)) }
}
