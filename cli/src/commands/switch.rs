//! `nivis switch`: a configuration becomes the active system.

mod cause;

use crate::activation::{self, Difference, Machine, System};
use crate::args::SwitchArgs;
use crate::building::{self, Building};
use crate::commands::system::{self, Configuration, Modules};
use crate::context::Context;
use crate::evaluation;
use crate::installable::{self, Features};
use crate::report::{Failure, Outcome};
use crate::stores::Access;
use eval::heap::Attrs;
use eval::select;
use std::path::Path;
use std::process::Command;
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames};

/// Where a system of a configuration is.
const TOPLEVEL: &str = "config.system.build.toplevel";

/// Runs `nivis switch`.
pub(crate) fn run(cx: &mut Context, args: &SwitchArgs) -> Outcome {
    args.settings.apply(cx.ui, &mut cx.settings)?;
    let root = args.root.root.as_deref();
    let modules = modules(cx, root.is_some());
    let configuration = match &args.flake {
        Some(flake) => {
            installable::prepare(cx, Features::Flakes, args.impure)?;
            Configuration::of_flake(modules, flake)?
        }
        None => Configuration::new(modules, args.configuration.as_deref(), false)?,
    };
    let machine = Machine::open(cx, root)?;
    let system = build(cx, &machine, &configuration)?;
    if let Some(program) = system.own_program() {
        return switch_by_program(cx, &machine, &system, &program, args);
    }
    let locks = machine.lock(cx)?;
    let active = machine.active()?;
    tell_difference(cx, &machine, active.as_ref(), &system)?;
    activation::check_host_programs(cx, &machine, &system)?;
    if args.dry_run {
        return Ok(());
    }
    if args.ask && !cx.ui.confirm("switch?")? {
        return Err(Failure::new("nothing was switched"));
    }
    let number = activation::activate(cx, &machine, &system, None)?;
    drop(locks);
    tell_active(cx, &machine, number);
    Ok(())
}

/// Returns the modules that a system is made of.
///
/// A system of nixpkgs cannot be staged, so one that is staged is made of the embedded modules,
/// unless others are asked for on the command line.
fn modules(cx: &Context, is_staged: bool) -> Modules {
    let is_nixpkgs = |entry: &String| entry.starts_with("nixpkgs=");
    if !is_staged || cx.settings.search_path.iter().any(is_nixpkgs) {
        return Modules::Named;
    }
    if cx.settings.search_path_entries().iter().any(is_nixpkgs) {
        cx.ui.tell("a staged system is made of the embedded modules, not of NIX_PATH's nixpkgs");
    }
    Modules::Embedded
}

/// Evaluates and builds a system.
fn build(cx: &Context, machine: &Machine, configuration: &Configuration) -> Outcome<System> {
    let store = machine.store.as_ref();
    let derivation = evaluation::run_observed(cx, store, Access::Write, |eval| {
        configuration.with(cx, eval, true, |eval, system| {
            let toplevel = system::part(eval, system, TOPLEVEL)?;
            let none = Attrs::empty(eval.heap());
            match select::derivations(eval, toplevel, none)?.as_slice() {
                [derivation] => Ok(derivation.derivation_path(eval)?),
                _ => Err(Failure::new(format!("`{TOPLEVEL}` is not a derivation")).into()),
            }
        })
    })?;
    let outputs = OutputNames::Names(["out".to_owned()].into());
    let wanted = [DerivedPath::Built { derivation, outputs }];
    building::tell_plan(cx, store, &wanted, BuildMode::Normal)?;
    let building = Building { mode: BuildMode::Normal };
    let realised = match building.attempt(cx, store, &wanted) {
        Ok(realised) => realised,
        Err(error) => {
            let mut failure = building::of_build(cx, &error);
            if let Some(cause) = cause::of(cx, store, configuration, &wanted, &error) {
                failure.message = format!("{}\n{cause}", failure.message.trim_end());
            }
            return Err(failure);
        }
    };
    match realised.as_slice() {
        [system] => Ok(machine.system(&system.path)),
        _ => Err(Failure::new(format!("`{TOPLEVEL}` has no output `out`"))),
    }
}

/// Shows what changes from the active system to another one.
pub(super) fn tell_difference(
    cx: &Context,
    machine: &Machine,
    active: Option<&(u64, System)>,
    system: &System,
) -> Outcome {
    let old = active.map(|(_, system)| system);
    let difference = Difference::between(machine, old, system)?;
    match active {
        None => cx.ui.step("the first generation"),
        Some((number, old)) if old.path == system.path => {
            cx.ui.step(format!("the same system as generation {number}"));
        }
        Some((number, _)) if difference.is_empty() => {
            cx.ui.step(format!("no package, unit or file differs from generation {number}"));
        }
        Some((number, _)) => cx.ui.step(format!("what changes from generation {number}")),
    }
    difference.tell(cx.ui);
    Ok(())
}

/// Says which generation is the active one now.
pub(super) fn tell_active(cx: &Context, machine: &Machine, number: u64) {
    if machine.is_host {
        cx.ui.step(format!("generation {number} is active"));
    } else {
        cx.ui.step(format!("generation {number} is active in `{}`", machine.root.display()));
    }
}

/// Switches to a system of nixpkgs, by the program that it has for that.
fn switch_by_program(
    cx: &Context,
    machine: &Machine,
    system: &System,
    program: &Path,
    args: &SwitchArgs,
) -> Outcome {
    check_program(machine, system)?;
    let locks = machine.lock(cx)?;
    tell_difference(cx, machine, machine.active()?.as_ref(), system)?;
    if args.dry_run {
        return run_program(cx, program, "dry-activate");
    }
    if args.ask && !cx.ui.confirm("switch?")? {
        return Err(Failure::new("nothing was switched"));
    }
    let failed = |error: store::ProfileError| Failure::new(crate::report::chain(&error));
    let generation = machine.profile.set(machine.store.as_ref(), &system.path).map_err(failed)?;
    drop(locks);
    run_program(cx, program, "switch")?;
    tell_active(cx, machine, generation.number);
    Ok(())
}

/// Refuses what a system of nixpkgs cannot do.
///
/// # Errors
///
/// Below a directory: its program would change the running machine.
pub(super) fn check_program(machine: &Machine, system: &System) -> Outcome {
    if machine.is_host {
        return Ok(());
    }
    let name = system.name.display();
    Err(Failure::new(format!(
        "`{name}` makes itself active by its own program, which works on the running machine only: \
         `--root` cannot stage a system of nixpkgs"
    ))
    .hint("without `-I nixpkgs=...` it is made of the embedded modules, which can be staged"))
}

/// Runs a system's own program.
///
/// # Errors
///
/// When it cannot be run, or fails: with its exit code.
pub(super) fn run_program(cx: &Context, program: &Path, action: &str) -> Outcome {
    let name = program.display();
    let status = Command::new(program)
        .arg(action)
        .stdout(cx.ui.for_program())
        .status()
        .map_err(Failure::during(format!("running `{name}`")))?;
    if status.success() {
        return Ok(());
    }
    let exit = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    let failure = Failure::new(format!("`{name} {action}`: {status}"));
    let failure = Failure { exit, ..failure };
    Err(match action {
        "switch" => failure.hint("`nivis rollback` goes back to the generation before"),
        _ => failure,
    })
}
