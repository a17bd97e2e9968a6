//! Programs of the user that run after a build.

use std::path::Path;
use std::process::{Command, Stdio};

use super::job::{Job, JobError};
use super::output::describe;
use crate::error::BuildFailureKind;
use crate::event::{Activity, ActivityKind, Event, Field, Level, ResultKind};
use crate::path_info::PathInfo;

/// Runs the setting `post-build-hook` on what was registered; its failure is the build's.
pub(super) fn run_post_build(
    hook: &Path,
    job: &Job<'_>,
    parent: &Activity<'_>,
    infos: &[PathInfo],
) -> Result<(), JobError> {
    let realisation = job.realisation;
    let directory = realisation.site.store.directory();
    let outputs: Vec<String> = infos.iter().map(|info| directory.display(&info.path)).collect();
    let activity = Activity::start(
        realisation.events,
        parent.id(),
        ActivityKind::PostBuildHook,
        Level::Info,
        &format!("running post-build-hook '{}'", hook.display()),
        &[Field::Text(&job.printed)],
    );
    let mut command = Command::new(hook);
    command.env("DRV_PATH", &job.printed).env("OUT_PATHS", outputs.join(" "));
    let fail = |how: &str| {
        let message = format!("program '{}' {how}", hook.display());
        JobError::failed(BuildFailureKind::Other, message)
    };
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fail(&format!("could not be run: {}", describe(&error))))?;
    for stream in [&output.stdout, &output.stderr] {
        for line in String::from_utf8_lossy(stream).lines() {
            activity.result(ResultKind::PostBuildLogLine, &[Field::Text(line)]);
        }
    }
    if output.status.success() { Ok(()) } else { Err(fail(&format!("failed: {}", output.status))) }
}

/// Runs the setting `pre-build-hook` and returns the host paths that the sandbox is to show, each
/// as `TARGET` or `TARGET=SOURCE`.
///
/// # Errors
///
/// A program that cannot be run or fails, and lines that mean nothing.
pub(super) fn run_pre_build(
    hook: &Path,
    derivation: &str,
    root: &Path,
) -> Result<Vec<String>, String> {
    let fail = |how: &str| format!("program '{}' {how}", hook.display());
    let output = Command::new(hook)
        .arg(derivation)
        .arg(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| fail(&format!("could not be run: {}", describe(&error))))?;
    if !output.status.success() {
        return Err(fail(&format!("failed: {}", output.status)));
    }
    let mut paths = Vec::new();
    let mut is_list = false;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match (is_list, line) {
            (true, "") => is_list = false,
            (true, path) => paths.push(path.to_owned()),
            (false, "extra-sandbox-paths" | "extra-chroot-dirs") => is_list = true,
            (false, other) => return Err(format!("unknown pre-build hook command '{other}'")),
        }
    }
    Ok(paths)
}

/// Runs the setting `diff-hook` on an output and its differing twin; its failure is only told.
pub(super) fn run_diff(hook: &Path, job: &Job<'_>, registered: &Path, rebuilt: &Path) {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(hook);
    command.args([registered, rebuilt]).arg(&job.printed).current_dir("/");
    if let Some(user) = &job.account {
        command.uid(user.account.uid).gid(user.account.gid);
    }
    let text = match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        }
        Err(error) => format!("diff hook '{}' could not be run: {error}", hook.display()),
    };
    for text in text.lines() {
        job.realisation.events.emit(Event::Message { level: Level::Notice, text });
    }
}
