//! Installables: flakes as a person names them on the command line, and what of them is meant.

mod config;
mod locking;

pub(crate) use config::take_settings;
pub(crate) use locking::{Locking, inputs, locked, take_inputs};

use crate::context::{Context, Manner};
use crate::evaluation::Stop;
use crate::report::{Failure, Outcome};
use eval::flake::lock::LockedFlake;
use eval::flake::{self, Installable};
use eval::heap::{Attrs, Value};
use eval::interpret::Eval;

/// The experimental features that a command needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Features {
    /// That of `nix`.
    Command,
    /// Those of `nix` and of flakes.
    Flakes,
}

/// Turns on what evaluating a flake needs; it is pure unless the person says otherwise.
///
/// # Errors
///
/// When called as `nix` and the experimental features are not on.
pub(crate) fn prepare(cx: &mut Context, features: Features, is_impure: bool) -> Outcome {
    let needed: &[&str] = match features {
        Features::Command => &["nix-command"],
        Features::Flakes => &["nix-command", "flakes"],
    };
    for &feature in needed {
        let mut features = cx.settings.words("experimental-features");
        if features.iter().any(|word| word == feature) {
            continue;
        }
        if cx.manner == Manner::CppNix {
            return Err(feature_disabled(feature));
        }
        features.push(feature.to_owned());
        cx.settings.force("experimental-features", &features.join(" "));
    }
    if is_impure {
        cx.settings.force("pure-eval", "false");
    } else if !cx.settings.is_set("pure-eval") {
        cx.settings.force("pure-eval", "true");
    }
    Ok(())
}

/// Returns the failure of a command that needs an experimental feature.
pub(crate) fn feature_disabled(feature: &str) -> Failure {
    Failure::new(format!(
        "experimental Nix feature '{feature}' is disabled; add \
         '--extra-experimental-features {feature}' to enable it"
    ))
}

/// Reads what a person typed.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn parse(eval: &Eval<'_>, text: &str) -> Result<Installable, Stop> {
    let directory = eval.settings().directory.clone();
    Ok(flake::parse_typed(eval.system(), &directory, text)?)
}

/// Returns the outputs of a locked flake.
///
/// # Errors
///
/// Whatever evaluating them meets.
pub(crate) fn outputs<'h>(eval: &mut Eval<'h>, locked: &LockedFlake) -> Result<Attrs<'h>, Stop> {
    let value = flake::call(eval, locked)?;
    Ok(flake::outputs(eval, value)?)
}

/// Where attributes are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup<'s> {
    /// The paths that are meant when none is named.
    pub(crate) defaults: &'s [&'s str],
    /// What may stand before a path, in this order.
    pub(crate) prefixes: &'s [&'s str],
}

/// Where packages are.
pub(crate) const PACKAGES: Lookup<'static> = Lookup {
    defaults: &["packages.SYSTEM.default", "defaultPackage.SYSTEM"],
    prefixes: &["packages.SYSTEM.", "legacyPackages.SYSTEM."],
};

/// Evaluates what a person typed and returns the value that is meant.
///
/// # Errors
///
/// A flake that cannot be locked, an attribute that it does not have, and whatever evaluation
/// meets.
pub(crate) fn value<'h>(
    eval: &mut Eval<'h>,
    text: &str,
    locking: &Locking,
    lookup: Lookup<'_>,
) -> Result<Value<'h>, Stop> {
    value_at(eval, text, locking, lookup).map(|(value, _)| value)
}

/// As [`value`], with the path of attributes that it is at.
///
/// # Errors
///
/// As [`value`].
pub(crate) fn value_at<'h>(
    eval: &mut Eval<'h>,
    text: &str,
    locking: &Locking,
    lookup: Lookup<'_>,
) -> Result<(Value<'h>, String), Stop> {
    take_inputs(eval, locking)?;
    let Installable { reference, fragment } = parse(eval, text)?;
    let locked = locked(eval, &reference, locking)?;
    let outputs = outputs(eval, &locked)?;
    let system = eval.settings().system.clone();
    let paths: Vec<String> = match fragment.strip_prefix('.') {
        Some(exact) => vec![exact.to_owned()],
        None if fragment.is_empty() => {
            lookup.defaults.iter().map(|path| path.replace("SYSTEM", &system)).collect()
        }
        None => {
            let prefixed = lookup.prefixes.iter().map(|it| it.replace("SYSTEM", &system));
            prefixed.chain([String::new()]).map(|prefix| prefix + &fragment).collect()
        }
    };
    let (value, path) = flake::select_at(eval, outputs, &paths, &reference.show())?;
    Ok((value, path.to_owned()))
}
