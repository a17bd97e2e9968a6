//! `nix-env --query`: packages that are installed or could be, by name, and what is known of them.

pub(in super::super) mod json;
mod load;
mod name;
mod order;
mod table;
mod xml;

use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::flags::Flags;
use crate::report::{Outcome, of_store};
use crate::request::Request;
use crate::roots::{self, Division, Fields};
use crate::stores::{Access, LazyStore};
use eval::error::{EvalError, FrameKind};
use eval::interpret::Eval;
use eval::packages::Package;
use eval::source::Position;
use name::{DerivationName, Selector};
use std::collections::BTreeSet;
use std::path::Path;
use store::{Store as _, StorePath};

/// How packages are told.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Form {
    #[default]
    Table,
    Json,
    Xml,
}

/// What of each package is told.
#[derive(Clone, Copy, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Columns {
    status: bool,
    attr_path: bool,
    leaves_out_name: bool,
    compares_versions: bool,
    system: bool,
    drv_path: bool,
    out_path: bool,
    description: bool,
    meta: bool,
}

/// What the command line said.
#[derive(Clone, Debug)]
pub(super) struct Query {
    is_available: bool,
    form: Form,
    columns: Columns,
    attribute: String,
    /// The file that packages come from, if it is not the user's own.
    pub(super) file: Option<String>,
    /// The one system whose packages are told; `*` for all.
    pub(super) system: String,
    /// Whether what would have to be built is left out.
    pub(super) is_prebuilt_only: bool,
    /// How many processes evaluate.
    pub(super) threads: usize,
    /// The arguments for functions at the top.
    pub(super) request: Request,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            is_available: false,
            form: Form::default(),
            columns: Columns::default(),
            attribute: String::new(),
            file: None,
            system: "*".to_owned(),
            is_prebuilt_only: false,
            threads: 1,
            request: Request::default(),
        }
    }
}

impl Query {
    /// Takes a flag of the query; `false` if it is none.
    ///
    /// # Errors
    ///
    /// When a value is missing.
    pub(super) fn take_flag(&mut self, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        let columns = &mut self.columns;
        match flag {
            "--status" | "-s" => columns.status = true,
            "--no-name" => columns.leaves_out_name = true,
            "--system" => columns.system = true,
            "--description" => columns.description = true,
            "--compare-versions" | "-c" => columns.compares_versions = true,
            "--drv-path" => columns.drv_path = true,
            "--out-path" => columns.out_path = true,
            "--meta" => columns.meta = true,
            "--attr-path" | "-P" => columns.attr_path = true,
            "--installed" => self.is_available = false,
            "--available" | "-a" => self.is_available = true,
            "--xml" => self.form = Form::Xml,
            "--json" => self.form = Form::Json,
            "--attr" | "-A" => self.attribute = flags.own_value(flag)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Runs the query.
    ///
    /// # Errors
    ///
    /// Whatever evaluation meets, or a selector that selects nothing.
    pub(super) fn run(&self, cx: &Context, profile: &Path, words: &[&str]) -> Outcome {
        let store = cx.lazy_store(Access::Read)?;
        let selectors =
            words.iter().map(|word| Selector::new(word)).collect::<Outcome<Vec<_>>>()?;
        evaluation::run(cx, &store, Access::Read, |eval| {
            let listing = Listing { cx, store: &store, query: self };
            listing.tell(eval, profile, &selectors)
        })
    }
}

/// Whether flags make sense together.
pub(super) fn check(query: &Query, flags: &Flags) -> Outcome {
    if query.columns.attr_path && !query.is_available {
        return Err(flags.wrong("--attr-path(-P) only works with --available"));
    }
    Ok(())
}

/// A query that is being answered.
struct Listing<'c> {
    cx: &'c Context,
    store: &'c LazyStore,
    query: &'c Query,
}

/// What is known of the packages and of what is installed.
struct Known<'h> {
    packages: Vec<Package<'h>>,
    /// The names of those to compare with.
    others: Vec<DerivationName>,
    installed: BTreeSet<StorePath>,
}

impl Listing<'_> {
    fn tell(
        &self,
        eval: &mut Eval<'_>,
        profile: &Path,
        selectors: &[Selector],
    ) -> Result<(), Stop> {
        let Query { is_available, columns, .. } = *self.query;
        let wants_installed = !is_available || columns.compares_versions || columns.status;
        let installed = if wants_installed { load::installed(eval, profile)? } else { Vec::new() };
        let available = if is_available || columns.compares_versions {
            load::available(eval, self.query, &self.cx.settings)?
        } else {
            Vec::new()
        };
        let (from, others) =
            if is_available { (&available, &installed) } else { (&installed, &available) };
        let mut packages = name::select(from, selectors)?;
        order::sort(&mut packages, |a, b| name::is_before(&a.name, &b.name));
        let others = others.iter().map(|package| DerivationName::new(&package.name)).collect();
        let mut known = Known { packages, others, installed: BTreeSet::new() };
        if columns.status {
            for package in &installed {
                known.installed.insert(package.out_path(eval)?);
            }
        }
        if columns.status || self.query.is_prebuilt_only {
            known.packages = self.with_path(eval, known.packages)?;
        }
        match self.query.form {
            Form::Json => json::tell(self, eval, &known),
            Form::Xml => xml::tell(self, eval, &known),
            Form::Table => table::tell(self, eval, &known),
        }
    }

    /// Asks `work` for the fields of each package; one that fails an assertion has none.
    fn each<'h>(
        &self,
        eval: &mut Eval<'h>,
        known: &Known<'h>,
        mut work: impl FnMut(&mut Eval<'h>, &Package<'h>) -> Result<Fields, Stop>,
        mut tell: impl FnMut(&Package<'h>, Fields) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let division = Division { threads: self.query.threads, growth_max: roots::GROWTH_MAX };
        let packages = &known.packages;
        let mut work = |eval: &mut Eval<'h>, index: usize| match packages.get(index) {
            Some(package) => one(eval, package, &mut work),
            None => Ok(Fields::new()),
        };
        let mut tell = |index: usize, fields: Fields| match packages.get(index) {
            Some(package) => tell(package, fields),
            None => Ok(()),
        };
        let how = (packages.len(), division);
        roots::each(self.cx, self.store, eval, how, &mut work, &mut tell)
    }

    /// Returns the packages whose output has a path: no assertion fails on the way to it.
    fn with_path<'h>(
        &self,
        eval: &mut Eval<'h>,
        packages: Vec<Package<'h>>,
    ) -> Result<Vec<Package<'h>>, Stop> {
        let mut kept = Vec::new();
        for package in packages {
            match package.out_path(eval) {
                Ok(path) => {
                    // JSON tells what would have to be built, too.
                    let is_kept = !self.query.is_prebuilt_only
                        || self.query.form == Form::Json
                        || self.store.is_valid(&path).map_err(of_store)?;
                    if is_kept {
                        kept.push(package);
                    }
                }
                Err(error) if error.is_catchable() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(kept)
    }

    /// Returns whether a package is installed, and whether its output is in the store.
    fn status<'h>(
        &self,
        eval: &mut Eval<'h>,
        known: &Known<'h>,
        package: &Package<'h>,
    ) -> Result<(bool, bool), Stop> {
        let path = package.out_path(eval)?;
        let is_valid = self.store.is_valid(&path).map_err(of_store)?;
        Ok((known.installed.contains(&path), is_valid))
    }
}

/// Asks for the fields of one package; one that fails an assertion has none.
fn one<'h>(
    eval: &mut Eval<'h>,
    package: &Package<'h>,
    work: &mut impl FnMut(&mut Eval<'h>, &Package<'h>) -> Result<Fields, Stop>,
) -> Result<Fields, Stop> {
    match work(eval, package) {
        Err(Stop::Evaluation(error)) if error.is_catchable() => Ok(Fields::new()),
        Err(Stop::Evaluation(error)) => Err(querying(error, &package.name).into()),
        other => other,
    }
}

/// Says of an error which package was asked.
fn querying(error: Box<EvalError>, name: &str) -> Box<EvalError> {
    let step = format!("while querying the derivation named '{name}'");
    error.frame(Position::NONE, FrameKind::Evaluator, step)
}

/// Says what was found in `meta` that nobody can tell.
fn tell_invalid_meta(cx: &Context, package: &Package<'_>, name: &str) {
    let package = &package.name;
    let text = format!("derivation '{package}' has invalid meta attribute '{name}'");
    cx.ui.speak(text.as_bytes());
}

/// Returns a store path as text.
fn shown(eval: &Eval<'_>, path: &StorePath) -> String {
    eval.store().directory().display(path)
}
