//! What is printed of derivations, their logs and the database.

use super::super::{Line, operand, paths};
use super::info;
use crate::context::{Context, store_path};
use crate::report::{Failure, Outcome, of_store};
use crate::stores;
use std::fmt::Write as _;
use store::HashFormat;

/// Prints the environment of a derivation's builder for a shell to read.
pub(crate) fn print_env(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let path = store_path(store.as_ref(), operand(line)?)?;
    let derivation = store.read_derivation(&path).map_err(of_store)?;
    let mut out: Vec<u8> = Vec::new();
    for (name, value) in &derivation.environment {
        out.extend_from_slice(b"export ");
        out.extend_from_slice(name);
        out.extend_from_slice(b"; ");
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend(shell_quoted(value));
        out.push(b'\n');
    }
    out.extend_from_slice(b"export _args; _args='");
    for (idx, argument) in derivation.arguments.iter().enumerate() {
        if idx > 0 {
            out.push(b' ');
        }
        out.extend(shell_quoted(argument));
    }
    out.extend_from_slice(b"'\n");
    Ok(cx.ui.data(out)?)
}

/// Quotes bytes for a shell.
fn shell_quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for &byte in bytes {
        if byte == b'\'' {
            out.extend_from_slice(b"'\\''");
        } else {
            out.push(byte);
        }
    }
    out.push(b'\'');
    out
}

/// Prints the records of the operands, or of all valid paths, as `--load-db` reads them.
pub(crate) fn dump_database(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let store = store.as_ref();
    let all = if line.operands.is_empty() {
        store.all_valid_paths().map_err(of_store)?.into_iter().collect()
    } else {
        paths(store, line)?
    };
    for path in all {
        let info = info(store, &path)?;
        let shown = |path| store.directory().display(path);
        let mut out = format!("{}\n", shown(&path));
        let _ = writeln!(out, "{}", info.nar_hash.digits(HashFormat::Base16));
        let _ = writeln!(out, "{}", info.nar_size);
        let _ = writeln!(out, "{}", info.deriver.as_ref().map(shown).unwrap_or_default());
        let _ = writeln!(out, "{}", info.references.len());
        for reference in &info.references {
            let _ = writeln!(out, "{}", shown(reference));
        }
        cx.ui.data(out)?;
    }
    Ok(())
}

/// Prints what the builders of the operands said.
pub(crate) fn read_log(cx: &Context, line: &Line) -> Outcome {
    let store = stores::open_local(cx.ui, &cx.settings)?;
    for path in paths(&store, line)? {
        let derivation = if path.is_derivation() {
            path
        } else {
            let missing = || {
                let path = store::Store::directory(&store).display(&path);
                Failure::new(format!("build log of '{path}' is not available"))
            };
            info(&store, &path)?.deriver.ok_or_else(missing)?
        };
        let log = store::build::log::read(&store.settings().log_directory, &derivation);
        let shown = store::Store::directory(&store).display(&derivation);
        let reading = Failure::during(format!("reading the build log of '{shown}'"));
        let Some(log) = log.map_err(reading)? else {
            let message = format!("build log of derivation '{shown}' is not available");
            return Err(Failure::new(message));
        };
        cx.ui.data(log)?;
    }
    Ok(())
}
