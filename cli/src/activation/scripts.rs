//! The scripts that a system runs each time it becomes active.

use super::machine::{Machine, System};
use super::record::Script;
use crate::report::{Failure, Outcome};
use crate::ui::Ui;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where scripts find programs.
const PATH: &str = "/run/current-system/sw/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// Runs the scripts in order, inside the machine; what they print is passed on.
///
/// # Errors
///
/// When one fails, and with it those after it.
pub(crate) fn run(ui: Ui, machine: &Machine, system: &System, scripts: &[Script]) -> Outcome {
    for script in scripts {
        let failed = |why: String| {
            Failure::new(format!("the activation script `{}` failed: {why}", script.name))
        };
        let status = command(ui, machine, system, &script.text)
            .and_then(|mut command| command.status())
            .map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(status.to_string()));
        }
    }
    Ok(())
}

/// Returns the command that runs a text as a script, below a staging root by our own `enter`.
fn command(ui: Ui, machine: &Machine, system: &System, text: &str) -> std::io::Result<Command> {
    let name = system.name.display();
    // Inside, the environment is the system's own.
    let text = format!("systemConfig='{name}'; export systemConfig\n{text}");
    let mut command = if machine.is_host {
        let mut command = Command::new("/bin/sh");
        command.env("PATH", PATH).arg("-c").arg(text).current_dir("/");
        command
    } else {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("enter").arg("--root").arg(&machine.root).arg("--");
        command.args([Path::new("/bin/sh"), Path::new("-c")]).arg(text);
        command
    };
    command.stdin(Stdio::null()).stdout(ui.for_program());
    Ok(command)
}
