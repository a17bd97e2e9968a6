//! `nix-store --dump` and `--restore`: a file tree as an archive, and back.

use super::{Line, operand};
use crate::context::Context;
use crate::report::{Outcome, of_store};
use std::io::{self, Write as _};
use std::path::Path;
use store::nar::disk::DiskTree;
use store::nar::restore::Metadata;
use store::nar::writer::{everything, write_nar};

/// Writes the archive of a path to stdout.
pub(super) fn dump(cx: &Context, line: &Line) -> Outcome {
    let path = operand(line)?;
    let mut out = cx.ui.writer();
    write_nar(&DiskTree, Path::new(path), &mut everything, &mut out).map_err(of_store)?;
    Ok(out.flush()?)
}

/// Unpacks the archive on stdin to a path that does not exist yet.
pub(super) fn restore(_: &Context, line: &Line) -> Outcome {
    let path = std::path::absolute(operand(line)?)?;
    let mut stdin = io::BufReader::new(io::stdin());
    store::nar::restore::restore(&mut stdin, &path, Metadata::Ordinary).map_err(of_store)
}
