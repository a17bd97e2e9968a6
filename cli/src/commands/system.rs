//! The system that a configuration describes, as the commands about systems evaluate it.

use crate::context::{Context, Manner};
use crate::evaluation::{self, Stop};
use crate::installable::{self, Locking};
use crate::report::{Failure, Outcome};
use eval::error::{ErrorKind, EvalError, code};
use eval::heap::{Attrs, AttrsBuilder, Lazy, Value};
use eval::interpret::Eval;
use eval::source::{EMBEDDED, HOST, Origin, SourcePath, canonical};
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
        let flake = Some(format!("{flake}#.{OF_FLAKE}.\"{name}\""));
        Ok(Self { modules, file: None, flake, may_be_empty: false })
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
        let result = self.evaluate(eval).and_then(|system| work(eval, system));
        let Err(Stop::Evaluation(error)) = result else { return result };
        let is_of_modules =
            code::of(&error).starts_with('M') && error.kind != ErrorKind::InfiniteRecursion;
        if cx.manner == Manner::Own
            && is_of_modules
            && let Some(failure) = self.all_errors(cx, eval, &error, is_whole)?
        {
            return Err(failure.into());
        }
        Err(error.into())
    }

    /// Returns all errors of the definitions, of which `first` stopped the evaluation.
    fn all_errors(
        &self,
        cx: &Context,
        eval: &mut Eval<'_>,
        first: &EvalError,
        is_whole: bool,
    ) -> Result<Option<Failure>, Stop> {
        if self.flake.is_some()
            && let Some(reports) = module_check::reports_of_selected(eval, first, is_whole)?
        {
            return Ok(Some(evaluation::told(cx, &reports)));
        }
        let unchecked = match self.unchecked(eval) {
            Ok(Some(unchecked)) => unchecked,
            Err(Stop::Evaluation(error)) if error.kind == ErrorKind::Cancelled => {
                return Err(error.into());
            }
            _ => return Ok(None),
        };
        let path = self.path(eval).ok().flatten();
        let mut reports = module_check::reports(eval, first, unchecked, path.as_ref(), is_whole)?;
        if let Some(path) = &path {
            module_check::mark_named(eval, path, &mut reports);
        }
        Ok(Some(evaluation::told(cx, &reports)))
    }

    /// Evaluates the system without the check that stops at names nobody declares.
    fn unchecked<'h>(&self, eval: &mut Eval<'h>) -> Result<Option<Value<'h>>, Stop> {
        let base = Origin::String(evaluation::base(eval));
        let (text, argument): (&[u8], _) = if self.flake.is_some() {
            let system = self.evaluate(eval)?;
            (b"s: s.extendModules { modules = [ { _module.check = false; } ]; }", system)
        } else {
            let configuration = self.value(eval)?;
            (b"c: { imports = [ c ]; _module.check = false; }", configuration)
        };
        let function = eval.evaluate(base, text)?;
        let value = eval.call(function, &[Lazy::from(argument)])?;
        if self.flake.is_some() {
            return Ok(Some(value));
        }
        self.system_of(eval, value).map(Some)
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
