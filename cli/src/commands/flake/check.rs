//! `flake check`: whether the outputs of a flake are what their names say.
//!
//! Everything is evaluated, and what is in `checks` for this system is built.
//! Source: CppNix, `CmdFlakeCheck`.

use super::{Line, with_flake};
use crate::building::{self, Building};
use crate::context::Context;
use crate::evaluation::Stop;
use crate::installable;
use crate::report::Outcome;
use eval::error::{self, EvalError, FrameKind, Result};
use eval::heap::attrs::Attr;
use eval::heap::{Attrs, Kind, Value};
use eval::interpret::Eval;
use eval::print::show_type;
use eval::select;
use eval::source::Position;
use std::collections::BTreeSet;
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames, StorePath};

/// Where a system of a configuration is.
const TOPLEVEL: &str = "config.system.build.toplevel";

/// Checks a flake.
///
/// # Errors
///
/// The first output that is not what it should be, and builds that fail.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let (checks, omitted) = with_flake(cx, line, |eval, locked| {
        let outputs = installable::outputs(eval, &locked)?;
        let mut check = Check { line, checks: Vec::new(), omitted: BTreeSet::new() };
        // In the order in which the names were met.
        for attr in outputs.iter(eval.heap()) {
            let name = attr.name.to_text();
            check.output(eval, &name, attr).map_err(|error| {
                Stop::Evaluation(on_the_way(error, attr, format!("flake output '{name}'")))
            })?;
        }
        Ok((check.checks, check.omitted))
    })?;
    if line.builds && !checks.is_empty() {
        let store = cx.open_store()?;
        let every = |derivation| DerivedPath::Built { derivation, outputs: OutputNames::All };
        let wanted: Vec<DerivedPath> = checks.into_iter().map(every).collect();
        building::tell_plan(cx, store.as_ref(), &wanted, BuildMode::Normal)?;
        Building { mode: BuildMode::Normal }.run(cx, store.as_ref(), &wanted)?;
    }
    cx.ui.tell("all checks passed!");
    if !omitted.is_empty() {
        let omitted: Vec<String> = omitted.into_iter().collect();
        cx.ui.warn(format!(
            "The check omitted these incompatible systems: {}\n\
             Use '--all-systems' to check all.",
            omitted.join(", ")
        ));
    }
    Ok(())
}

#[cold]
fn on_the_way(error: Box<EvalError>, attr: Attr<'_>, what: String) -> Box<EvalError> {
    error.frame(attr.position, FrameKind::Evaluator, format!("while checking {what}"))
}

/// What something should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Derivation,
    /// A derivation that is built.
    Check,
    App,
    Overlay,
    Module,
    Configuration,
    Template,
    /// A set of derivations and such sets.
    Jobs,
}

/// How an output is built up.
enum Shape {
    One(Thing),
    /// A set of them, by name.
    Named(Thing),
    /// One for each system.
    BySystem(Thing),
    /// A set of them for each system.
    NamedBySystem(Thing),
    /// Nobody looks inside.
    Anything,
    Unknown,
}

fn shape(name: &str) -> Shape {
    match name {
        "checks" => Shape::NamedBySystem(Thing::Check),
        "packages" | "devShells" => Shape::NamedBySystem(Thing::Derivation),
        "apps" => Shape::NamedBySystem(Thing::App),
        "formatter" | "defaultPackage" | "devShell" => Shape::BySystem(Thing::Derivation),
        "defaultApp" => Shape::BySystem(Thing::App),
        "overlay" => Shape::One(Thing::Overlay),
        "overlays" => Shape::Named(Thing::Overlay),
        "nixosModule" => Shape::One(Thing::Module),
        "nixosModules" => Shape::Named(Thing::Module),
        "nixosConfigurations" => Shape::Named(Thing::Configuration),
        "hydraJobs" => Shape::One(Thing::Jobs),
        "defaultTemplate" => Shape::One(Thing::Template),
        "templates" => Shape::Named(Thing::Template),
        "legacyPackages"
        | "bundlers"
        | "defaultBundler"
        | "lib"
        | "darwinConfigurations"
        | "darwinModules"
        | "flakeModule"
        | "flakeModules"
        | "herculesCI"
        | "homeConfigurations"
        | "homeModule"
        | "homeModules"
        | "nixopsConfigurations" => Shape::Anything,
        _ => Shape::Unknown,
    }
}

/// Returns what took the place of an output.
fn replacement(name: &str) -> Option<&'static str> {
    Some(match name {
        "defaultPackage" => "packages.<system>.default",
        "defaultApp" => "apps.<system>.default",
        "defaultTemplate" => "templates.default",
        "defaultBundler" => "bundlers.<system>.default",
        "overlay" => "overlays.default",
        "devShell" => "devShells.<system>.default",
        "nixosModule" => "nixosModules.default",
        _ => return None,
    })
}

fn warn(eval: &Eval<'_>, text: &str) {
    eval.system().message(format!("warning: {text}").as_bytes());
}

struct Check<'l> {
    line: &'l Line,
    /// What is to be built.
    checks: Vec<StorePath>,
    /// The systems that nobody looked at.
    omitted: BTreeSet<String>,
}

impl Check<'_> {
    fn output<'h>(&mut self, eval: &mut Eval<'h>, name: &str, attr: Attr<'h>) -> Result<()> {
        eval.force(attr.slot)?;
        if let Some(replacement) = replacement(name) {
            warn(
                eval,
                &format!(
                    "flake output attribute '{name}' is deprecated; use '{replacement}' instead"
                ),
            );
        }
        match shape(name) {
            Shape::One(thing) => self.thing(eval, thing, name, attr),
            Shape::Named(thing) => self.named(eval, thing, name, attr),
            Shape::BySystem(thing) => {
                for (path, attr) in self.systems(eval, name, attr)? {
                    self.thing(eval, thing, &path, attr)?;
                }
                Ok(())
            }
            Shape::NamedBySystem(thing) => {
                for (path, attr) in self.systems(eval, name, attr)? {
                    self.named(eval, thing, &path, attr)?;
                }
                Ok(())
            }
            Shape::Anything => Ok(()),
            Shape::Unknown => {
                warn(eval, &format!("unknown flake output '{name}'"));
                Ok(())
            }
        }
    }

    fn named<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        thing: Thing,
        path: &str,
        attr: Attr<'h>,
    ) -> Result<()> {
        for inner in set(eval, attr)?.iter_by_name(eval.heap()) {
            let path = format!("{path}.{}", inner.name.to_text());
            self.thing(eval, thing, &path, inner)?;
        }
        Ok(())
    }

    /// Returns the attributes for the systems that are looked at, each with its path.
    fn systems<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        path: &str,
        attr: Attr<'h>,
    ) -> Result<Vec<(String, Attr<'h>)>> {
        let mut found = Vec::new();
        for inner in set(eval, attr)?.iter_by_name(eval.heap()) {
            let system = inner.name.to_text();
            if !system.contains('-') {
                let place = eval::print::show_position(eval, inner.position);
                let message = format!("'{system}' is not a valid system type, at {place}");
                return Err(error::other(message));
            }
            if self.line.all_systems || *system == *eval.settings().system {
                found.push((format!("{path}.{system}"), inner));
            } else {
                self.omitted.insert(system.into_owned());
            }
        }
        Ok(found)
    }

    fn thing<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        thing: Thing,
        path: &str,
        attr: Attr<'h>,
    ) -> Result<()> {
        let (what, result) = match thing {
            Thing::Derivation => ("the derivation", derivation(eval, path, attr).map(|_| ())),
            Thing::Check => {
                let result = derivation(eval, path, attr);
                let is_ours = path.split('.').nth(1) == Some(&*eval.settings().system);
                ("the derivation", result.map(|path| self.checks.extend(is_ours.then_some(path))))
            }
            Thing::App => ("the app definition", app(eval, path, attr)),
            Thing::Overlay => ("the overlay", overlay(eval, attr)),
            Thing::Module => ("the NixOS module", eval.force(attr.slot).map(|_| ())),
            Thing::Configuration => ("the NixOS configuration", configuration(eval, attr)),
            Thing::Template => ("the template", template(eval, path, attr)),
            Thing::Jobs => ("the Hydra jobset", self.jobs(eval, path, attr)),
        };
        result.map_err(|error| on_the_way(error, attr, format!("{what} '{path}'")))
    }

    fn jobs<'h>(&mut self, eval: &mut Eval<'h>, path: &str, attr: Attr<'h>) -> Result<()> {
        let jobs = set(eval, attr)?;
        if eval::equal::is_derivation(eval, jobs)? {
            return Err(error::other("jobset should not be a derivation at top-level"));
        }
        for inner in jobs.iter_by_name(eval.heap()) {
            let path = format!("{path}.{}", inner.name.to_text());
            let is_one = set(eval, inner)?;
            let is_one = eval::equal::is_derivation(eval, is_one)?;
            let thing = if is_one { Thing::Derivation } else { Thing::Jobs };
            eval.deeper(|eval| self.thing(eval, thing, &path, inner))?;
        }
        Ok(())
    }
}

fn set<'h>(eval: &mut Eval<'h>, attr: Attr<'h>) -> Result<Attrs<'h>> {
    let value = eval.force(attr.slot)?;
    eval::builtins::expect::attrs(eval, value, "")
}

fn text<'h>(eval: &mut Eval<'h>, attr: Attr<'h>) -> Result<()> {
    let value = eval.force(attr.slot)?;
    eval::builtins::expect::string(eval, value, "").map(|_| ())
}

fn find<'h>(attrs: Attrs<'h>, eval: &Eval<'h>, name: &str) -> Option<Attr<'h>> {
    attrs.iter(eval.heap()).find(|attr| attr.name.as_bytes() == name.as_bytes())
}

fn derivation<'h>(eval: &mut Eval<'h>, path: &str, attr: Attr<'h>) -> Result<StorePath> {
    let value = eval.force(attr.slot)?;
    let attrs = match value.as_attrs() {
        Some(attrs) if eval::equal::is_derivation(eval, attrs)? => attrs,
        _ => {
            let message = format!("flake attribute '{path}' is not a derivation");
            return Err(error::other(message));
        }
    };
    select::Selected { attrs }.derivation_path(eval)
}

fn app<'h>(eval: &mut Eval<'h>, path: &str, attr: Attr<'h>) -> Result<()> {
    let app = set(eval, attr)?;
    for name in ["type", "program"] {
        match find(app, eval, name) {
            Some(attr) => text(eval, attr)?,
            None => return Err(error::other(format!("app '{path}' lacks attribute '{name}'"))),
        }
    }
    match find(app, eval, "meta") {
        Some(meta) => {
            let meta = set(eval, meta)?;
            match find(meta, eval, "description") {
                Some(description) => text(eval, description)?,
                None => warn(eval, &format!("app '{path}' lacks attribute 'meta.description'")),
            }
        }
        None => warn(eval, &format!("app '{path}' lacks attribute 'meta'")),
    }
    only(eval, app, &["type", "program", "meta"], &format!("app '{path}'"))
}

/// Checks that a set has no attributes but those in `names`.
fn only<'h>(eval: &Eval<'h>, attrs: Attrs<'h>, names: &[&str], what: &str) -> Result<()> {
    for attr in attrs.iter_by_name(eval.heap()) {
        let name = attr.name.to_text();
        if !names.contains(&&*name) {
            return Err(error::other(format!("{what} has unsupported attribute '{name}'")));
        }
    }
    Ok(())
}

fn overlay<'h>(eval: &mut Eval<'h>, attr: Attr<'h>) -> Result<()> {
    let value = eval.force(attr.slot)?;
    let Kind::Lambda(lambda) = value.kind() else {
        let found = show_type(value);
        return Err(error::other(format!("overlay is not a function, but {found} instead")));
    };
    let info = eval.lambda_info(lambda);
    let name = info.parameter.map(|name| name.to_text().into_owned()).unwrap_or_default();
    if info.formals.is_some() || !["final", "_final", "_"].contains(&name.as_str()) {
        return Err(error::other("overlay does not take an argument named 'final'"));
    }
    Ok(())
}

fn configuration<'h>(eval: &mut Eval<'h>, attr: Attr<'h>) -> Result<()> {
    let value: Value<'h> = eval.force(attr.slot)?;
    let none = Attrs::empty(eval.heap());
    let toplevel = select::select(eval, value, TOPLEVEL, none)?;
    match toplevel.as_attrs() {
        Some(attrs) if eval::equal::is_derivation(eval, attrs)? => Ok(()),
        _ => Err(error::other(format!("attribute '{TOPLEVEL}' is not a derivation"))),
    }
}

fn template<'h>(eval: &mut Eval<'h>, path: &str, attr: Attr<'h>) -> Result<()> {
    let template = set(eval, attr)?;
    let lacks = |name: &str| error::other(format!("template '{path}' lacks attribute '{name}'"));
    let Some(place) = find(template, eval, "path") else { return Err(lacks("path")) };
    let value = eval.force(place.slot)?;
    let purpose = eval::coerce::Purpose { position: Position::NONE, text: "" };
    let (place, _) = eval::coerce::to_path(eval, value, purpose)?;
    if eval.file_type(&place)?.is_none() {
        let place = place.display();
        return Err(error::other(format!(
            "template '{path}' refers to a non-existent path '{place}'"
        )));
    }
    match find(template, eval, "description") {
        Some(description) => text(eval, description)?,
        None => return Err(lacks("description")),
    }
    only(eval, template, &["path", "description", "welcomeText"], &format!("template '{path}'"))
}
