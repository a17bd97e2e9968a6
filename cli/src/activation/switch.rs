//! Making a system the active one: planned, written down, changed, and only then said to be.

use super::difference::closure;
use super::host_programs::HostPrograms;
use super::journal::Journal;
use super::live::Live;
use super::machine::{Machine, System};
use super::menu;
use super::plan;
use super::record::Record;
use super::scripts;
use crate::context::Context;
use crate::report::{Failure, Outcome, chain};
use crate::ui::Ui;
use std::path::Path;
use store::ProfileError;
use store::profile::Generation;

/// The exit code when the system is the active one and some unit did not start. Source: NixOS.
const UNITS_FAILED: u8 = 4;

/// A generation to make the active one.
struct Target {
    generation: Generation,
    is_new: bool,
}

fn of_profile(error: ProfileError) -> Failure {
    Failure::new(chain(&error))
}

/// Makes `system` the active one, as the generation `number` or as a new one, whose number is
/// returned. The profile is locked.
///
/// # Errors
///
/// When something cannot be changed or a script fails: everything is as it was then. When units
/// fail to start, with exit code 4: the system is the active one then.
///
/// # Atomicity
///
/// The journal is written first, the profile's link moves last. Wherever it is cut short, the next
/// one to lock the profile takes back what was done, or finishes it if the link was moved.
pub(crate) fn activate(
    cx: &Context,
    machine: &Machine,
    system: &System,
    number: Option<u64>,
) -> Outcome<u64> {
    let record = system.record().map_err(Failure::new)?;
    let old = machine.active()?;
    let before = old.as_ref().map(|(number, _)| *number);
    let old = old.map(|(_, system)| system);
    let mut generations = machine.profile.generations().map_err(of_profile)?;
    let target = find_target(machine, system, number, &generations)?;
    if target.is_new {
        generations.push(target.generation.clone());
    }
    let number = target.generation.number;
    let plan = plan::plan(machine, system, &record, &generations, number)?;
    for warning in &plan.warnings {
        cx.ui.warn(warning);
    }
    let live = machine.is_host.then(|| Live::compare(cx, machine, old.as_ref(), system));

    let changes = plan.transaction.changes().to_vec();
    let journal = Journal { before, generation: number, is_new: target.is_new, changes };
    let doing = Failure::during("writing the journal of the switch");
    if let Err(failure) = journal.write(&machine.root).map_err(doing) {
        // Half of a journal is none.
        let _ = Journal::remove(&machine.root);
        return Err(failure);
    }
    if let Some(live) = &live {
        live.before(cx);
    }
    if let Err(failure) = commit(cx.ui, machine, system, &record, plan.transaction, &target) {
        machine.recover(cx)?;
        if let Some(live) = &live {
            live.take_back(cx);
        }
        return Err(failure);
    }
    Journal::remove(&machine.root).map_err(Failure::during("removing the journal"))?;
    if live.is_some_and(|live| !live.after(cx, &record.host_name)) {
        let message = format!("generation {number} is active, but some of its units failed");
        return Err(Failure { exit: UNITS_FAILED, ..Failure::new(message) });
    }
    Ok(number)
}

/// Returns the generation to make the active one; a new one is only thought of.
fn find_target(
    machine: &Machine,
    system: &System,
    number: Option<u64>,
    generations: &[Generation],
) -> Outcome<Target> {
    if let Some(number) = number {
        let generation = machine.profile.generation(number).map_err(of_profile)?;
        return Ok(Target { generation, is_new: false });
    }
    let number = match generations.last() {
        Some(latest) if latest.target == system.name => {
            return Ok(Target { generation: latest.clone(), is_new: false });
        }
        Some(latest) => latest.number.saturating_add(1),
        None => 1,
    };
    let link = machine.profile.generation_link(number);
    let generation = menu::coming(number, link, system.name.clone());
    Ok(Target { generation, is_new: true })
}

/// Changes everything, and at last the profile.
fn commit(
    ui: Ui,
    machine: &Machine,
    system: &System,
    record: &Record,
    transaction: super::files::Transaction,
    target: &Target,
) -> Outcome {
    let number = target.generation.number;
    if target.is_new {
        let made = machine
            .profile
            .create_generation(machine.store.as_ref(), &system.path)
            .map_err(of_profile)?;
        debug_assert_eq!(made.number, number, "the profile is locked");
    }
    transaction.apply().map_err(Failure::new)?;
    scripts::run(ui, machine, system, &record.activation_scripts)?;
    machine.profile.switch(number).map_err(of_profile)?;
    let directory = machine.profile.link().parent().unwrap_or(Path::new("/"));
    let flushed = std::fs::File::open(directory).and_then(|file| file.sync_all());
    flushed.map_err(Failure::during(format!("flushing `{}`", directory.display())))
}

/// Lists what a system takes from its host, and says what is missing.
///
/// # Errors
///
/// When the running machine lacks something; below a directory that is a warning.
pub(crate) fn check_host_programs(cx: &Context, machine: &Machine, system: &System) -> Outcome {
    let record = system.record().map_err(Failure::new)?;
    let closure = closure(machine, &system.path)?;
    let places = closure.iter().map(|path| machine.store.real_path(path));
    let mut found = HostPrograms::read(places).map_err(Failure::during("reading the closure"))?;
    for program in record.host_programs {
        found.require(&program.package, &program.program, program.path);
    }
    found.add_missing(record.missing_packages);

    let listed = found.listed();
    if !listed.is_empty() {
        cx.ui.step("taken from the host");
        cx.ui.tell(format!("    {}", listed.join(", ")));
    }
    let mut problems = Vec::new();
    for (package, path) in found.absent(Path::exists) {
        problems.push(format!("the host has no `{}` ({package})", path.display()));
    }
    for package in &found.missing_packages {
        problems.push(format!("`{package}` is in no package set: nothing of it is installed"));
    }
    if machine.is_host && !problems.is_empty() {
        return Err(Failure::new(problems.join("\n"))
            .hint("install what is missing, or take it from a package set that builds it"));
    }
    for problem in problems {
        cx.ui.warn(problem);
    }
    Ok(())
}
