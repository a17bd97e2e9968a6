//! `nivis enter`: a command runs inside a staged system.

use crate::args::EnterArgs;
use crate::context::Context;
use crate::env_vars::{LANG, TERM};
use crate::report::{Failure, Outcome, chain};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use store::sandbox::enter;

/// Where the system has its programs.
const PATH: &str = "/run/wrappers/bin:/run/current-system/sw/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// The exit codes of a command that is not there, and of one that cannot run, as shells have them.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// Runs `nivis enter`.
pub(crate) fn run(_: &mut Context, args: &EnterArgs) -> Outcome {
    let Some(root) = args.root.root.as_deref() else {
        return Err(Failure::new("`nivis enter` needs `--root DIR`, the system to enter"));
    };
    if !root.join("nix/store").is_dir() {
        return Err(Failure::new(format!("there is no system in `{}`", root.display()))
            .hint("`nivis switch --root` stages one"));
    }
    let shell = ["/bin/sh".to_owned()];
    let words = if args.command.is_empty() { shell.as_slice() } else { &args.command };
    let Some((program, rest)) = words.split_first() else { return Ok(()) };
    enter::enter(root).map_err(|error| Failure::new(chain(&error)))?;

    let mut command = Command::new(program);
    command.args(rest).env_clear();
    command.envs([("PATH", PATH), ("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root")]);
    for variable in [TERM, LANG] {
        command.envs(variable.value().map(|value| (variable.name, value)));
    }
    // Only a failure returns.
    let error = command.exec();
    let exit =
        if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
    Err(Failure { exit, ..Failure::new(format!("running `{program}`: {error}")) })
}
