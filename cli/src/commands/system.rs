//! The system that a configuration describes, as the commands about systems evaluate it.

use crate::context::{Context, Manner};
use crate::evaluation::{self, Stop};
use crate::installable::{self, Locking};
use crate::report::{Failure, Outcome};
use eval::error::EvalError;
use eval::heap::{Attrs, AttrsBuilder, Lazy, Value};
use eval::interpret::Eval;
use eval::report::Report;
use eval::source::{EMBEDDED, HOST, SourcePath, canonical};
use eval::{module_check, select};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// Where configurations lie when nobody says.
const DEFAULT_FILE: &[u8] = b"/etc/nixos/configuration.nix";

/// Which modules a configuration is evaluated with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Modules {
    /// Those that are part of this program.
    Embedded,
    /// Those of `<nixpkgs/nixos>`, which are the embedded ones where the search path has none.
    Named,
}

/// A configuration, and the modules that make it a system.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    /// The modules.
    pub(super) modules: Modules,
    /// The file; without one `<nixos-config>`.
    file: Option<File>,
    /// The flake and the attribute of it that is the system, instead.
    flake: Option<String>,
    /// Whether the empty configuration will do when nobody names one.
    may_be_empty: bool,
}

/// Where a flake has its configurations.
const OF_FLAKE: &str = "nixosConfigurations";

/// How a file was named.
#[derive(Clone, Debug)]
enum File {
    /// By a name of the search path.
    Name(String),
    /// By its absolute path.
    Path(PathBuf),
}

impl Configuration {
    /// Returns the configuration that `word` of the command line names.
    ///
    /// # Errors
    ///
    /// When the working directory is gone.
    pub(super) fn new(modules: Modules, word: Option<&str>, may_be_empty: bool) -> Outcome<Self> {
        let name = |word: &str| Some(word.strip_prefix('<')?.strip_suffix('>')?.to_owned());
        let file = match (word, word.and_then(name)) {
            (_, Some(name)) => Some(File::Name(name)),
            (None, None) => None,
            (Some(word), None) => {
                let mut path = std::path::absolute(word)?;
                if path.join("configuration.nix").is_file() {
                    path.push("configuration.nix");
                }
                Some(File::Path(path))
            }
        };
        Ok(Self { modules, file, flake: None, may_be_empty })
    }

    /// Returns the system of a flake: `REF#NAME`, or that of this machine.
    ///
    /// # Errors
    ///
    /// When this machine has no name.
    pub(super) fn of_flake(modules: Modules, text: &str) -> Outcome<Self> {
        let (flake, name) = match text.split_once('#') {
            Some((flake, name)) if !name.is_empty() => (flake, name.to_owned()),
            _ => {
                let reading = Failure::during("reading the name of this machine");
                let name = std::fs::read_to_string("/proc/sys/kernel/hostname").map_err(reading)?;
                (text.trim_end_matches('#'), name.trim().to_owned())
            }
        };
        Ok(Self::named_of_flake(modules, flake, &name))
    }

    /// Returns the system called `name` of a flake.
    pub(super) fn named_of_flake(modules: Modules, flake: &str, name: &str) -> Self {
        let flake = Some(format!("{flake}#.{OF_FLAKE}.\"{name}\""));
        Self { modules, file: None, flake, may_be_empty: false }
    }

    /// Returns the names of the systems of a flake.
    ///
    /// # Errors
    ///
    /// Whatever evaluating it meets.
    pub(super) fn names_of_flake(eval: &mut Eval<'_>, flake: &str) -> Result<Vec<String>, Stop> {
        let text = format!("{flake}#.{OF_FLAKE}");
        let value = installable::value(eval, &text, &Locking::default(), installable::PACKAGES)?;
        let Some(attrs) = value.as_attrs() else {
            return Err(Failure::new(format!("`{OF_FLAKE}` is not a set")).into());
        };
        let names = attrs.iter_by_name(eval.heap());
        Ok(names.map(|attr| attr.name.to_text().into_owned()).collect())
    }

    /// Evaluates the configuration to the set of `config` and `options`.
    ///
    /// # Errors
    ///
    /// When a name is not in the search path, and whatever evaluation meets.
    pub(super) fn evaluate<'h>(&self, eval: &mut Eval<'h>) -> Result<Value<'h>, Stop> {
        if let Some(text) = &self.flake {
            let locking = Locking::default();
            return installable::value(eval, text, &locking, installable::PACKAGES);
        }
        let configuration = self.value(eval)?;
        self.system_of(eval, configuration)
    }

    fn system_of<'h>(
        &self,
        eval: &mut Eval<'h>,
        configuration: Value<'h>,
    ) -> Result<Value<'h>, Stop> {
        let library = match self.modules {
            Modules::Embedded => SourcePath::new(EMBEDDED, b"/nixos"),
            Modules::Named => evaluation::named_file(eval, "nixpkgs/nixos")?,
        };
        let function = eval.import(&library)?;
        let mut arguments = AttrsBuilder::with_capacity(1);
        arguments.push_named("configuration", configuration);
        let arguments = arguments.finish(eval.heap());
        Ok(eval.call(function, &[Lazy::from(Value::attrs(arguments))])?)
    }

    /// Evaluates the configuration and does `work` on the system, of which `is_whole` says whether
    /// all is wanted.
    ///
    /// # Errors
    ///
    /// As [`Configuration::evaluate`] and `work`; of definitions that are wrong, all at once.
    pub(super) fn with<'h, T>(
        &self,
        cx: &Context,
        eval: &mut Eval<'h>,
        is_whole: bool,
        work: impl FnOnce(&mut Eval<'h>, Value<'h>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let system = self.evaluate(eval)?;
        if let Some(first) = eval.looked_into().cloned() {
            let reports = self.all_errors(eval, &first, system, is_whole)?;
            if module_check::is_explained(eval, &first, &reports) {
                return Err(evaluation::told(cx, &reports).into());
            }
            return Err(Box::new(first).into());
        }
        let error = match work(eval, system) {
            Err(Stop::Evaluation(error)) => error,
            result => return result,
        };
        if cx.manner == Manner::Own && eval.is_observing() && module_check::is_of_modules(&error) {
            let reports = self.all_errors(eval, &error, system, is_whole)?;
            return Err(evaluation::told(cx, &reports).into());
        }
        Err(error.into())
    }

    /// Returns all errors of the definitions, of which `first` stopped the evaluation.
    ///
    /// # Errors
    ///
    /// If the evaluation is cancelled.
    pub(super) fn all_errors<'h>(
        &self,
        eval: &mut Eval<'h>,
        first: &EvalError,
        system: Value<'h>,
        is_whole: bool,
    ) -> Result<Vec<Report>, Stop> {
        if self.flake.is_some()
            && let Some(reports) = module_check::reports_of_selected(eval, first, is_whole)?
        {
            return Ok(reports);
        }
        let path = self.path(eval).ok().flatten();
        let mut reports = module_check::reports(eval, first, system, path.as_ref(), is_whole)?;
        if let Some(path) = &path {
            module_check::mark_named(eval, path, &mut reports);
        }
        Ok(reports)
    }

    fn value<'h>(&self, eval: &mut Eval<'h>) -> Result<Value<'h>, Stop> {
        Ok(match self.path(eval)? {
            Some(path) => Value::path(eval.heap(), path.root, &path.bytes),
            None => Value::attrs(Attrs::empty(eval.heap())),
        })
    }

    /// Returns the file of the configuration; none is the empty one.
    fn path(&self, eval: &mut Eval<'_>) -> Result<Option<SourcePath>, Stop> {
        if self.flake.is_some() {
            return Ok(None);
        }
        let path = match &self.file {
            Some(File::Name(name)) => evaluation::named_file(eval, name)?,
            Some(File::Path(path)) => {
                SourcePath::new(HOST, &canonical(path.as_os_str().as_bytes()))
            }
            None => match evaluation::named_file(eval, "nixos-config") {
                Ok(path) => path,
                Err(_) if self.may_be_empty => return Ok(None),
                Err(_) => SourcePath::new(HOST, DEFAULT_FILE),
            },
        };
        Ok(Some(path))
    }
}

/// Returns what `path` selects from an evaluated system.
///
/// # Errors
///
/// Whatever evaluation meets.
pub(super) fn part<'h>(
    eval: &mut Eval<'h>,
    system: Value<'h>,
    path: &str,
) -> Result<Value<'h>, Stop> {
    let none = Attrs::empty(eval.heap());
    Ok(select::select(eval, system, path, none)?)
}
