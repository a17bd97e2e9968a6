//! `nivis rollback`: an earlier generation becomes the active one again.

use super::switch::{check_program, run_program, tell_active, tell_difference};
use crate::activation::{self, Machine};
use crate::args::RollbackArgs;
use crate::context::Context;
use crate::report::{Failure, Outcome, chain};
use store::ProfileError;
use store::profile::Generation;

/// Runs `nivis rollback`.
pub(crate) fn run(cx: &mut Context, args: &RollbackArgs) -> Outcome {
    let machine = Machine::open_existing(cx, args.root.root.as_deref())?;
    let locks = machine.lock(cx)?;
    let generation = target(&machine, args.to)?;
    let number = generation.number;
    let system = machine.system_of(&generation)?;
    if system.own_program().is_some() {
        check_program(&machine, &system)?;
    }
    tell_difference(cx, &machine, machine.active()?.as_ref(), &system)?;
    match system.own_program() {
        Some(program) => {
            machine.profile.switch(number).map_err(of_profile)?;
            drop(locks);
            run_program(cx, &program, "switch")?;
        }
        None => {
            activation::activate(cx, &machine, &system, Some(number))?;
            drop(locks);
        }
    }
    tell_active(cx, &machine, number);
    Ok(())
}

fn of_profile(error: ProfileError) -> Failure {
    Failure::new(chain(&error))
}

/// Returns the generation to go to: `to`, or the one before the active one.
fn target(machine: &Machine, to: Option<u64>) -> Outcome<Generation> {
    let profile = &machine.profile;
    if let Some(number) = to {
        return profile.generation(number).map_err(of_profile);
    }
    let Some(current) = profile.current().map_err(of_profile)? else {
        return Err(Failure::new("no generation is active").hint("`--to N` names one"));
    };
    let generations = profile.generations().map_err(of_profile)?;
    generations
        .into_iter()
        .rfind(|older| older.number < current)
        .ok_or_else(|| Failure::new(format!("there is no generation before generation {current}")))
}
