//! `nix-build`: expressions to outputs, and links to these.

use super::build::{self, Options};
use crate::context::Context;
use crate::flags::{Flags, Word};
use crate::report::{Failure, Outcome};
use crate::request::Request;
use std::path::PathBuf;
use store::realise::BuildMode;

/// Flags of CppNix that are not built yet, or that it gave up itself.
const NOT_BUILT: &[&str] = &[
    "--add-drv-link",
    "--drv-link",
    "--eval-store",
    "--exclude",
    "--keep",
    "--override-flake",
    "--pure",
    "--run-env",
];

/// Runs `nix-build`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut request = Request::default();
    let out_link = Some(PathBuf::from("result"));
    let mode = BuildMode::Normal;
    let mut options = Options { out_link, prints: true, dry_run: false, mode };
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(operand) => request.words.push(operand),
            Word::Flag(flag) => take_flag(cx, &flag, &mut flags, &mut request, &mut options)?,
        }
    }
    build::build(cx, &request, &options)
}

fn take_flag(
    cx: &mut Context,
    flag: &str,
    flags: &mut Flags,
    request: &mut Request,
    options: &mut Options,
) -> Outcome {
    match flag {
        "-o" | "--out-link" => options.out_link = Some(flags.own_value(flag)?.into()),
        "--no-out-link" | "--no-link" => options.out_link = None,
        // Every root is an indirect one, as in CppNix since 2.4.
        "--indirect" => {}
        "--dry-run" => options.dry_run = true,
        "--check" => options.mode = BuildMode::Check,
        "--repair" => options.mode = BuildMode::Repair,
        _ if NOT_BUILT.contains(&flag) => {
            return Err(Failure::new(format!("`nix-build {flag}` is not built yet")));
        }
        _ => {
            let is_known =
                request.take_flag(flag, flags)? || cx.settings.take_flag(cx.ui, flag, flags)?;
            if !is_known {
                return Err(flags.unknown(flag));
            }
        }
    }
    Ok(())
}
