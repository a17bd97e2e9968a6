//! The commands of the prompt that do more than evaluate: builds, shells, the editor.

use super::Session;
use crate::building::{self, Building};
use crate::env_vars;
use crate::evaluation::Stop;
use crate::report::{Failure, of_store};
use eval::coerce::{self, Purpose};
use eval::equal::is_derivation;
use eval::heap::{Kind, Value};
use eval::select::{self, Selected};
use eval::source::{HOST, Origin, Position, SourcePath};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames, StorePath};

/// Editors that begin at the line which `+LINE` says.
const EDITORS_WITH_LINES: [&str; 4] = ["emacs", "nano", "vim", "kak"];

/// The function from a package to the derivation of a shell that has it.
const SHELL_WITH: &str =
    "drv: (import <nixpkgs> { }).runCommand \"shell\" { buildInputs = [ drv ]; } \"\"";

impl<'h> Session<'_, 'h> {
    /// Returns the derivation that a text evaluates to, which is in the store then.
    fn derivation(&mut self, text: &str) -> Result<StorePath, Stop> {
        let value = self.evaluate(text)?;
        self.derivation_of(value)
    }

    fn derivation_of(&mut self, value: Value<'h>) -> Result<StorePath, Stop> {
        let attrs = match value.as_attrs() {
            Some(attrs) if is_derivation(self.eval, attrs)? => attrs,
            _ => {
                let message = "expression does not evaluate to a derivation, so I can't build it";
                return Err(Failure::new(message).into());
            }
        };
        let path = Selected { attrs }.derivation_path(self.eval)?;
        self.eval.store().add_temporary_root(&path).map_err(of_store)?;
        Ok(path)
    }

    /// Builds all outputs of a derivation and says where they are.
    pub(super) fn build(&mut self, text: &str, links: bool) -> Result<(), Stop> {
        let derivation = self.derivation(text)?;
        let wanted = [DerivedPath::Built { derivation, outputs: OutputNames::All }];
        let store = self.eval.store();
        let realised = Building { mode: BuildMode::Normal }.run(&self.cx, store, &wanted)?;
        let mut text = "\nThis derivation produced the following outputs:\n".to_owned();
        for one in realised {
            let Some((_, output)) = one.origin else { continue };
            let path = store.directory().display(&one.path);
            let name = if links {
                let link = format!("repl-result-{output}");
                building::make_root(store, &one.path, Path::new(&link))?;
                format!("./{link}")
            } else {
                output
            };
            let _ = writeln!(text, "  {name} -> {path}");
        }
        Ok(self.cx.ui.data(text)?)
    }

    /// Installs what a derivation builds into the profile.
    pub(super) fn install(&mut self, text: &str) -> Result<(), Stop> {
        let derivation = self.derivation(text)?;
        self.run_own("nix-env", &["-i"], &derivation)
    }

    /// Shows the log of a build.
    pub(super) fn log(&mut self, text: &str) -> Result<(), Stop> {
        let derivation = self.derivation(text)?;
        self.run_own("nix-store", &["--read-log"], &derivation)
    }

    /// Opens a shell in which a derivation could be built.
    pub(super) fn shell_for(&mut self, text: &str) -> Result<(), Stop> {
        let derivation = self.derivation(text)?;
        self.run_own("nix-shell", &[], &derivation)
    }

    /// Opens a shell that has what a derivation builds.
    pub(super) fn shell_with(&mut self, text: &str) -> Result<(), Stop> {
        let package = self.evaluate(text)?;
        let function = self.evaluate(SHELL_WITH)?;
        let shell = self.eval.call(function, &[package.into()])?;
        let derivation = self.derivation_of(shell)?;
        self.run_own("nix-shell", &[], &derivation)
    }

    /// Runs this program under another of its names on a derivation, with the same settings.
    fn run_own(&self, name: &str, words: &[&str], derivation: &StorePath) -> Result<(), Stop> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.arg0(name).args(words);
        let settings = &self.start.settings;
        for pair in settings.options.chunks_exact(2) {
            command.arg("--option").args(pair);
        }
        if let Some(store) = &settings.store {
            command.args(["--option", "store", store]);
        }
        command.arg(self.eval.store().directory().display(derivation));
        let running = Failure::during(format!("running `{name}`"));
        let status = command.status().map_err(running)?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("`{name}` failed: {status}")).into())
    }

    /// Opens the file that a value is, or is written in, and loads everything again.
    pub(super) fn edit(&mut self, text: &str) -> Result<(), Stop> {
        let value = self.evaluate(text)?;
        let (path, line) = self.place_of(value, text)?;
        if path.root != HOST {
            let message = format!("'{}' has no physical path", path.display());
            return Err(Failure::new(message).into());
        }
        let editor = env_vars::EDITOR.text().unwrap_or_else(|| "cat".to_owned());
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or("cat");
        let mut command = Command::new(program);
        command.args(words);
        if line > 0 && EDITORS_WITH_LINES.iter().any(|known| editor.contains(known)) {
            command.arg(format!("+{line}"));
        }
        command.arg(OsStr::from_bytes(&path.bytes));
        let status = command.status().map_err(Failure::during(format!("running '{program}'")))?;
        if !status.success() {
            return Err(Failure::new(format!("'{program}' failed: {status}")).into());
        }
        self.reload();
        Ok(())
    }

    /// Returns the file and the line, from 1, that a value leads to; line 0 if it has none.
    fn place_of(&mut self, value: Value<'h>, text: &str) -> Result<(SourcePath, u32), Stop> {
        match value.kind() {
            Kind::Path(_) | Kind::String(_) => {
                let path = self.path_of(value)?;
                Ok((path, 0))
            }
            Kind::Lambda(lambda) => {
                let position = self.eval.lambda_info(lambda).position;
                match self.eval.locate(position) {
                    Some((Origin::File(path), line, _)) => Ok((path, line)),
                    _ => {
                        let place = eval::print::show_position(self.eval, position);
                        let message = format!("'{place}' cannot be shown in an editor");
                        Err(Failure::new(message).into())
                    }
                }
            }
            _ => self.package_place(value, text),
        }
    }

    fn path_of(&mut self, value: Value<'h>) -> Result<SourcePath, Stop> {
        let text = "while evaluating the filename to edit";
        let purpose = Purpose { position: Position::NONE, text };
        Ok(coerce::to_path(self.eval, value, purpose)?.0)
    }

    /// Returns where `meta.position` says that a package is written.
    fn package_place(&mut self, value: Value<'h>, text: &str) -> Result<(SourcePath, u32), Stop> {
        let missing =
            || Failure::new(format!("package '{text}' has no source location information"));
        let nothing = eval::heap::Attrs::empty(self.eval.heap());
        let found = select::select(self.eval, value, "meta.position", nothing);
        let found = found.map_err(|_| missing())?;
        let shown = found.as_string().ok_or_else(missing)?.to_text().into_owned();
        let parts = shown.rsplit_once(':').and_then(|(file, line)| {
            Some((SourcePath::new(HOST, file.as_bytes()), line.parse::<u32>().ok()?))
        });
        parts.ok_or_else(|| {
            Failure::new(format!("cannot parse 'meta.position' attribute '{shown}'")).into()
        })
    }
}
