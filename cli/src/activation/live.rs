//! What a switch does to the running machine besides its files: units and the host name.

use super::difference::units_of;
use super::machine::{Machine, System};
use super::units::Changes;
use crate::context::Context;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// States of units that run or are about to.
const ACTIVE_STATES: &str = "--state=active,activating,reloading";

/// The units that a switch of the running machine changes.
pub(crate) struct Live {
    changes: Changes,
    /// Whether systemd runs.
    is_running: bool,
}

impl Live {
    /// Compares the units of two systems on the running machine.
    pub(crate) fn compare(
        cx: &Context,
        machine: &Machine,
        old: Option<&System>,
        new: &System,
    ) -> Self {
        let is_running = Path::new("/run/systemd/system").is_dir();
        if !is_running {
            cx.ui.warn("systemd does not run here: no unit is started, stopped or reloaded");
            return Self { changes: Changes::default(), is_running };
        }
        let old = old.map(|system| units_of(machine, system)).unwrap_or_default();
        let changes = Changes::between(&old, &units_of(machine, new), &active_units());
        Self { changes, is_running }
    }

    /// Stops what has changed or is gone, before anything changes.
    pub(crate) fn before(&self, cx: &Context) {
        systemctl(cx, "stop", &self.changes.stop);
    }

    /// Starts again what was stopped, when nothing has changed after all.
    pub(crate) fn take_back(&self, cx: &Context) {
        systemctl(cx, "start", &self.changes.stop);
    }

    /// Reloads, restarts and starts what the new system wants; `false` if something failed.
    pub(crate) fn after(&self, cx: &Context, host_name: &str) -> bool {
        set_host_name(cx, host_name);
        if !self.is_running {
            return true;
        }
        for unit in &self.changes.keep {
            cx.ui.tell(format!("{unit} has changed and is left as it runs"));
        }
        let mut is_well = run(cx, Command::new("systemctl").arg("daemon-reload"));
        let verbs = self.changes.verbs().into_iter().filter(|(verb, _)| *verb != "stop");
        for (verb, units) in verbs {
            is_well &= systemctl(cx, verb, units);
        }
        is_well
    }
}

fn active_units() -> BTreeSet<String> {
    let mut command = Command::new("systemctl");
    command.args(["list-units", "--full", "--plain", "--no-legend", ACTIVE_STATES]);
    let Ok(output) = command.stderr(Stdio::null()).output() else { return BTreeSet::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    let name = |line: &str| Some(line.split_whitespace().next()?.to_owned());
    text.lines().filter_map(name).collect()
}

fn systemctl(cx: &Context, verb: &str, units: &BTreeSet<String>) -> bool {
    if units.is_empty() {
        return true;
    }
    let names: Vec<&str> = units.iter().map(String::as_str).collect();
    cx.ui.tell(format!("{verb}: {}", names.join(", ")));
    run(cx, Command::new("systemctl").arg(verb).arg("--").args(names))
}

/// Runs a command, warns if it fails, and tells whether it went well.
fn run(cx: &Context, command: &mut Command) -> bool {
    let problem = match command.stdin(Stdio::null()).stdout(cx.ui.for_program()).status() {
        Ok(status) if status.success() => return true,
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    cx.ui.warn(format!("`systemctl {}`: {problem}", words.join(" ")));
    false
}

fn set_host_name(cx: &Context, name: &str) {
    const KERNELS: &str = "/proc/sys/kernel/hostname";
    let now = std::fs::read_to_string(KERNELS).unwrap_or_default();
    if name.is_empty() || now.trim_end() == name {
        return;
    }
    if let Err(error) = std::fs::write(KERNELS, name) {
        cx.ui.warn(format!("the kernel keeps the host name `{}`: {error}", now.trim_end()));
    }
}
