//! `nix-store --verify` and `--verify-path`: is the store what the database says?

use super::{Line, no_operands, paths};
use crate::building::Progress;
use crate::context::Context;
use crate::report::{FAILURE, Failure, Outcome, of_store};
use store::hash::Hasher;
use store::nar::writer::{everything, write_nar};
use store::{HashAlgorithm, HashFormat};

/// Compares the store with what is registered.
pub(super) fn verify(cx: &Context, line: &Line) -> Outcome {
    no_operands(line)?;
    let store = cx.open_store()?;
    let progress = Progress::new(cx);
    if store.verify(line.check_contents, line.repair, &progress).map_err(of_store)? {
        return Ok(());
    }
    cx.ui.warn("not all store errors were fixed");
    Err(Failure::silent(FAILURE))
}

/// Compares the contents of each operand with its registered hash.
pub(super) fn verify_path(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let mut is_good = true;
    for path in paths(store.as_ref(), line)? {
        let shown = store.directory().display(&path);
        let known = store.path_info(&path).map_err(of_store)?;
        let known = known.ok_or_else(|| Failure::new(format!("path '{shown}' is not valid")))?;
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        let (tree, place) = store.tree(&path).map_err(of_store)?;
        write_nar(tree.as_ref(), &place, &mut everything, &mut hasher).map_err(of_store)?;
        let found = hasher.finish();
        if found != known.nar_hash {
            let expected = known.nar_hash.prefixed(HashFormat::Base32);
            let found = found.prefixed(HashFormat::Base32);
            cx.ui.error(&format!(
                "path '{shown}' was modified! expected hash '{expected}', got '{found}'"
            ));
            is_good = false;
        }
    }
    if is_good { Ok(()) } else { Err(Failure::silent(FAILURE)) }
}

/// Tells whether each operand is valid.
pub(super) fn check_validity(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    for path in paths(store.as_ref(), line)? {
        if store.is_valid(&path).map_err(of_store)? {
            continue;
        }
        let shown = store.directory().display(&path);
        if !line.print_invalid {
            return Err(Failure::new(format!("path '{shown}' is not valid")));
        }
        cx.ui.line(shown)?;
    }
    Ok(())
}
