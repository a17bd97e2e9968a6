//! `nix-store`: what the store holds, and operations on it.

mod add;
mod archive;
mod garbage;
mod query;
mod realise;
mod register;
mod transfer;
mod verify;

pub(crate) use garbage::size;

use crate::context::{Context, store_path};
use crate::flags::{Flags, Word};
use crate::report::{Failure, Outcome};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use store::signature::SecretKey;
use store::{Store, StorePath};

/// What the command line said, apart from the operation.
#[derive(Default, Debug)]
struct Line {
    operands: Vec<String>,
    /// The flags that belong to an operation, as they came.
    flags: Vec<String>,
    query: query::Query,
    realise: realise::Options,
    garbage: garbage::Options,
    check_contents: bool,
    repair: bool,
    recursive: bool,
    print_invalid: bool,
    hash_given: bool,
    reregister: bool,
    hides_warning: bool,
    add_root: Option<PathBuf>,
}

/// An operation: the flags that choose it, those that it takes, and what it does.
struct Operation {
    names: &'static [&'static str],
    flags: &'static [&'static str],
    run: fn(&Context, &Line) -> Outcome,
}

/// The operations.
const OPERATIONS: &[Operation] = &[
    Operation {
        names: &["--realise", "--realize", "-r"],
        flags: &[
            "--add-root",
            "--check",
            "--dry-run",
            "--ignore-unknown",
            "--indirect",
            "--no-gc-warning",
            "--repair",
        ],
        run: realise::run,
    },
    Operation { names: &["--query", "-q"], flags: query::FLAGS, run: query::run },
    Operation { names: &["--add", "-A"], flags: &[], run: add::add },
    Operation { names: &["--add-fixed"], flags: &["--recursive"], run: add::add_fixed },
    Operation {
        names: &["--print-fixed-path"],
        flags: &["--recursive"],
        run: add::print_fixed_path,
    },
    Operation {
        names: &["--gc"],
        flags: &["--print-roots", "--print-live", "--print-dead", "--max-freed"],
        run: garbage::collect,
    },
    Operation { names: &["--delete"], flags: &["--ignore-liveness"], run: garbage::delete },
    Operation { names: &["--dump"], flags: &[], run: archive::dump },
    Operation { names: &["--restore"], flags: &[], run: archive::restore },
    Operation { names: &["--export"], flags: &[], run: transfer::export },
    Operation { names: &["--import"], flags: &[], run: transfer::import },
    Operation {
        names: &["--verify"],
        flags: &["--check-contents", "--repair"],
        run: verify::verify,
    },
    Operation { names: &["--verify-path"], flags: &[], run: verify::verify_path },
    Operation {
        names: &["--check-validity"],
        flags: &["--print-invalid"],
        run: verify::check_validity,
    },
    Operation { names: &["--load-db"], flags: &[], run: register::load_database },
    Operation {
        names: &["--register-validity"],
        flags: &["--hash-given", "--reregister"],
        run: register::register_validity,
    },
    Operation { names: &["--dump-db"], flags: &[], run: query::dump_database },
    Operation { names: &["--read-log", "-l"], flags: &[], run: query::read_log },
    Operation { names: &["--optimise", "--optimize"], flags: &[], run: garbage::optimise },
    Operation {
        names: &["--generate-binary-cache-key"],
        flags: &[],
        run: generate_binary_cache_key,
    },
    Operation { names: &["--print-env"], flags: &[], run: query::print_env },
    Operation { names: &["--init"], flags: &[], run: init },
];

/// Operations of CppNix that are not built yet.
const NOT_BUILT: &[&str] = &["--repair-path", "--serve"];

/// Runs `nix-store`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut operation: Option<&Operation> = None;
    let mut line = Line::default();
    let mut unknown = None;
    while let Some(word) = flags.next_word() {
        let flag = match word {
            Word::Operand(operand) => {
                line.operands.push(operand);
                continue;
            }
            Word::Flag(flag) => flag,
        };
        let named = OPERATIONS.iter().find(|row| row.names.contains(&flag.as_str()));
        if let Some(row) = named {
            if operation.replace(row).is_some_and(|before| !std::ptr::eq(before, row)) {
                return Err(flags.wrong("only one operation may be specified"));
            }
        } else if NOT_BUILT.contains(&flag.as_str()) {
            return Err(Failure::new(format!("`nix-store {flag}` is not built yet")));
        } else if take_flag(&flag, &mut flags, &mut line)? {
            line.flags.push(flag);
        } else if !cx.settings.take_flag(cx.ui, &flag, &mut flags)? {
            unknown.get_or_insert(flag);
        }
    }
    let Some(operation) = operation else { return Err(flags.wrong("no operation specified")) };
    if let Some(flag) = unknown {
        return Err(flags.unknown(&flag));
    }
    match line.flags.iter().find(|flag| !operation.flags.contains(&flag.as_str())) {
        Some(flag) => Err(flags.wrong(format!("unknown flag '{flag}'"))),
        None => (operation.run)(cx, &line),
    }
}

fn take_flag(flag: &str, flags: &mut Flags, line: &mut Line) -> Outcome<bool> {
    match flag {
        "--check-contents" => line.check_contents = true,
        "--repair" => line.repair = true,
        "--recursive" => line.recursive = true,
        "--print-invalid" => line.print_invalid = true,
        "--hash-given" => line.hash_given = true,
        "--reregister" => line.reregister = true,
        "--no-gc-warning" => line.hides_warning = true,
        "--add-root" => line.add_root = Some(flags.own_value(flag)?.into()),
        // Every root is an indirect one, as in CppNix since 2.4.
        "--indirect" => {}
        _ => {
            return Ok(line.query.take_flag(flag, flags)?
                || line.realise.take_flag(flag)
                || line.garbage.take_flag(flag, flags)?);
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

/// Makes a pair of keys, whose names say who signs with them, and writes each to its file.
fn generate_binary_cache_key(_: &Context, line: &Line) -> Outcome {
    let [name, secret_file, public_file] = line.operands.as_slice() else {
        return Err(Failure::usage("nix-store", "three arguments expected"));
    };
    let (secret, public) = SecretKey::generate(name).map_err(Failure::new)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(secret_file).and_then(|mut file| file.write_all(secret.as_bytes()));
    written.map_err(Failure::during(format!("writing the secret key '{secret_file}'")))?;
    std::fs::write(public_file, public)
        .map_err(Failure::during(format!("writing the public key '{public_file}'")))
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
