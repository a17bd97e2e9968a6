//! `nix-instantiate`: expressions to derivations, values or texts.

use super::eval::{self, Form, Printing};
use super::instantiate::{self, Options};
use super::parse;
use crate::context::Context;
use crate::flags::{Flags, Word};
use crate::report::{Failure, Outcome};
use crate::request::Request;
use crate::stores::Access;
use std::path::PathBuf;

/// Flags of CppNix that are not built yet.
const NOT_BUILT: &[&str] = &["--eval-store", "--override-flake", "--repair"];

/// What is done with the expressions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Task {
    #[default]
    Instantiate,
    Evaluate,
    Parse,
}

/// What the command line said.
#[derive(Default, Debug)]
struct Line {
    request: Request,
    task: Task,
    form: Form,
    strict: bool,
    leaves_out_locations: bool,
    writes_anyway: bool,
    is_dry: bool,
    finds_files: bool,
    hides_warning: bool,
    add_root: Option<PathBuf>,
}

/// Runs `nix-instantiate`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line::default();
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(operand) => line.request.words.push(operand),
            Word::Flag(flag) => take_flag(cx, &flag, &mut flags, &mut line)?,
        }
    }
    if line.finds_files {
        return eval::find_files(cx, &line.request.words);
    }
    match line.task {
        Task::Parse => parse::print_parsed(cx, &line.request),
        Task::Evaluate => {
            let access =
                if line.writes_anyway && !line.is_dry { Access::Write } else { Access::Read };
            let printing = Printing {
                form: line.form,
                strict: line.strict,
                locations: !line.leaves_out_locations,
                copies: true,
            };
            eval::values(cx, &line.request, access, printing)
        }
        Task::Instantiate => {
            let access = if line.is_dry { Access::Read } else { Access::Write };
            let warns = !line.hides_warning;
            let options = Options { add_root: line.add_root, access, warns };
            instantiate::instantiate(cx, &line.request, &options)
        }
    }
}

fn take_flag(cx: &mut Context, flag: &str, flags: &mut Flags, line: &mut Line) -> Outcome {
    match flag {
        "--eval" | "--eval-only" if line.task == Task::Parse => {}
        "--eval" | "--eval-only" => line.task = Task::Evaluate,
        "--parse" | "--parse-only" => line.task = Task::Parse,
        "--read-write-mode" => line.writes_anyway = true,
        "--dry-run" | "--readonly-mode" => line.is_dry = true,
        "--find-file" => line.finds_files = true,
        "--add-root" => line.add_root = Some(flags.own_value(flag)?.into()),
        // Every root is an indirect one, as in CppNix since 2.4.
        "--indirect" => {}
        "--no-gc-warning" => line.hides_warning = true,
        "--raw" => line.form = Form::Raw,
        "--xml" => line.form = Form::Xml,
        "--json" => line.form = Form::Json,
        "--no-location" => line.leaves_out_locations = true,
        "--strict" => line.strict = true,
        _ if NOT_BUILT.contains(&flag) => {
            return Err(Failure::new(format!("`nix-instantiate {flag}` is not built yet")));
        }
        _ => {
            let is_known = line.request.take_flag(flag, flags)?
                || cx.settings.take_flag(cx.ui, flag, flags)?;
            if !is_known {
                return Err(flags.unknown(flag));
            }
        }
    }
    Ok(())
}
