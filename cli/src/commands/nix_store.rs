//! `nix-store`: what the store holds, and operations on it.

mod add;
mod archive;
mod garbage;
mod query;
mod realise;
mod verify;

pub(crate) use garbage::size;

use crate::context::{Context, store_path};
use crate::flags::{Flags, Word};
use crate::report::{Failure, Outcome};
use std::path::PathBuf;
use store::{Store, StorePath};

/// What the command line said, apart from the operation.
#[derive(Default, Debug)]
struct Line {
    operands: Vec<String>,
    query: query::Query,
    realise: realise::Options,
    garbage: garbage::Options,
    check_contents: bool,
    repair: bool,
    recursive: bool,
    add_root: Option<PathBuf>,
}

/// An operation: what runs, given the command line.
type Operation = fn(&Context, &Line) -> Outcome;

/// The operations by their flags.
const OPERATIONS: &[(&[&str], Operation)] = &[
    (&["--realise", "--realize", "-r"], realise::run),
    (&["--query", "-q"], query::run),
    (&["--add", "-A"], add::add),
    (&["--add-fixed"], add::add_fixed),
    (&["--print-fixed-path"], add::print_fixed_path),
    (&["--gc"], garbage::collect),
    (&["--delete"], garbage::delete),
    (&["--dump"], archive::dump),
    (&["--restore"], archive::restore),
    (&["--verify"], verify::verify),
    (&["--verify-path"], verify::verify_path),
    (&["--print-env"], query::print_env),
    (&["--init"], init),
];

/// Operations of CppNix that are not built yet.
const NOT_BUILT: &[&str] = &[
    "--dump-db",
    "--export",
    "--generate-binary-cache-key",
    "--import",
    "--load-db",
    "--optimise",
    "--optimize",
    "--read-log",
    "-l",
    "--register-validity",
    "--repair-path",
    "--serve",
    "--check-validity",
];

/// Runs `nix-store`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut operation: Option<Operation> = None;
    let mut line = Line::default();
    while let Some(word) = flags.next_word() {
        let flag = match word {
            Word::Operand(operand) => {
                line.operands.push(operand);
                continue;
            }
            Word::Flag(flag) => flag,
        };
        if let Some((_, run)) = OPERATIONS.iter().find(|(names, _)| names.contains(&flag.as_str()))
        {
            // `-A` is an operation only when there is none yet.
            if operation.replace(*run).is_some() {
                return Err(flags.wrong("only one operation may be specified"));
            }
        } else if NOT_BUILT.contains(&flag.as_str()) {
            return Err(Failure::new(format!("`nix-store {flag}` is not built yet")));
        } else if !take_flag(cx, &flag, &mut flags, &mut line)? {
            return Err(flags.unknown(&flag));
        }
    }
    match operation {
        Some(run) => run(cx, &line),
        None => Err(flags.wrong("no operation specified")),
    }
}

fn take_flag(cx: &mut Context, flag: &str, flags: &mut Flags, line: &mut Line) -> Outcome<bool> {
    match flag {
        "--check-contents" => line.check_contents = true,
        "--repair" => line.repair = true,
        "--recursive" => line.recursive = true,
        "--add-root" => line.add_root = Some(flags.value(flag)?.into()),
        // Every root is an indirect one, as in CppNix since 2.4.
        "--indirect" => {}
        _ => {
            return Ok(line.query.take_flag(flag, flags)?
                || line.realise.take_flag(flag)
                || line.garbage.take_flag(flag, flags)?
                || cx.settings.take_flag(cx.ui, flag, flags)?);
        }
    }
    Ok(true)
}

/// Makes the store if it is not there.
fn init(cx: &Context, line: &Line) -> Outcome {
    no_operands(line)?;
    cx.open_store()?;
    Ok(())
}

fn no_operands(line: &Line) -> Outcome {
    match line.operands.first() {
        Some(_) => Err(Failure::usage("nix-store", "no arguments expected")),
        None => Ok(()),
    }
}

/// Returns the only operand.
fn operand(line: &Line) -> Outcome<&str> {
    match line.operands.as_slice() {
        [only] => Ok(only),
        _ => Err(Failure::usage("nix-store", "only one argument allowed")),
    }
}

/// Returns the store paths that the operands lead to.
fn paths(store: &dyn Store, line: &Line) -> Outcome<Vec<StorePath>> {
    line.operands.iter().map(|text| store_path(store, text)).collect()
}
