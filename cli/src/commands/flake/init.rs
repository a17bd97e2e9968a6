//! `flake init` and `flake new`: a first `flake.nix`, our own or that of a template.

use super::Line;
use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::installable::{self, Locking, Lookup};
use crate::report::{Failure, Outcome, of_store};
use crate::stores::Access;
use eval::coerce::{self, Mode, Purpose};
use eval::heap::Value;
use eval::interpret::Eval;
use eval::source::Position;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use store::Store;
use store::nar::{NodeKind, Tree};

const FIRST: &str = r#"{
  description = "A flake";

  inputs = { };

  outputs =
    { self }:
    {
      lib.hello = name: "Hello, ${name}!";
    };
}
"#;

/// Where templates are.
const TEMPLATES: Lookup<'static> =
    Lookup { defaults: &["templates.default", "defaultTemplate"], prefixes: &["templates."] };

/// Writes a `flake.nix` into `directory`, or what the template has.
///
/// # Errors
///
/// When something is in the way or cannot be written, and whatever is wrong with the template.
pub(super) fn run(cx: &Context, line: &Line, directory: &Path) -> Outcome {
    let Some(template) = &line.template else { return write_first(cx, directory) };
    let store = cx.lazy_store(Access::Write)?;
    let (place, welcome) = evaluation::run(cx, &store, Access::Write, |eval| {
        let locking = Locking { keeps_file: true, ..line.locking.clone() };
        let value = installable::value(eval, template, &locking, TEMPLATES)?;
        of_template(eval, value)
    })?;
    let (object, inside) = store.directory().split(&place).map_err(Failure::new)?;
    let (tree, root) = store.tree(&object).map_err(of_store)?;
    let root = root.join(inside.trim_start_matches('/'));
    let target = std::path::absolute(directory)?;
    let mut copying = Copying { cx, tree: &*tree, written: Vec::new(), conflicts: 0 };
    copying.directory(&root, &place, &target)?;
    if !copying.written.is_empty() && target.join(".git").exists() {
        track(&target, &copying.written)?;
    }
    if let Some(welcome) = welcome {
        cx.ui.tell("\n");
        cx.ui.tell(format!("{welcome}\n"));
    }
    match copying.conflicts {
        0 => Ok(()),
        count => Err(Failure::new(format!("encountered {count} conflicts - see above"))),
    }
}

/// Writes our own.
fn write_first(cx: &Context, directory: &Path) -> Outcome {
    fs::create_dir_all(directory).map_err(Failure::during("making the directory"))?;
    let path = directory.join("flake.nix");
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::new("there is a flake.nix here already"));
        }
        Err(error) => return Err(Failure::during("writing 'flake.nix'")(error)),
    };
    file.write_all(FIRST.as_bytes()).map_err(Failure::during("writing 'flake.nix'"))?;
    cx.ui.tell("wrote: flake.nix");
    Ok(())
}

/// Returns where the files of a template are, and what it has to say.
fn of_template<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
) -> Result<(String, Option<String>), Stop> {
    let Some(attrs) = value.as_attrs() else {
        return Err(Failure::new("the template is not a set").into());
    };
    let mut text = |name: &str, mode: Mode| -> Result<Option<String>, Stop> {
        let Some(slot) = attrs.named(name.as_bytes()) else { return Ok(None) };
        let value = eval.force(slot)?;
        let purpose = Purpose { position: Position::NONE, text: "" };
        let text = coerce::to_string_for(eval, value, mode, purpose)?;
        Ok(Some(text.to_text().into_owned()))
    };
    let path = text("path", Mode::Plain)?;
    let path = path.ok_or_else(|| Failure::new("attribute 'path' missing"))?;
    Ok((path, text("welcomeText", Mode::Plain)?))
}

struct Copying<'c> {
    cx: &'c Context,
    tree: &'c dyn Tree,
    written: Vec<PathBuf>,
    conflicts: usize,
}

impl Copying<'_> {
    /// Copies the directory at `from`, which messages call `shown`.
    fn directory(&mut self, from: &Path, shown: &str, to: &Path) -> Outcome {
        fs::create_dir_all(to).map_err(Failure::during(format!("making '{}'", to.display())))?;
        let mut names = self.tree.read_directory(from)?;
        names.sort();
        for name in names {
            let name = OsStr::from_bytes(&name);
            let (from, to) = (from.join(name), to.join(name));
            let shown = format!("{shown}/{}", name.to_string_lossy());
            match self.tree.kind(&from)? {
                NodeKind::Directory => {
                    self.directory(&from, &shown, &to)?;
                    self.done(to);
                }
                NodeKind::Regular { executable, .. } => {
                    let mut contents = Vec::new();
                    self.tree.read_file(&from, &mut contents)?;
                    let is_same = |to: &Path| fs::read(to).is_ok_and(|found| found == contents);
                    if self.is_free(&to, &shown, is_same) {
                        let mode = if executable { 0o777 } else { 0o666 };
                        let mut options = OpenOptions::new();
                        let file = options.write(true).create_new(true).mode(mode).open(&to);
                        file.and_then(|mut file| file.write_all(&contents))
                            .map_err(Failure::during(format!("writing '{}'", to.display())))?;
                        self.done(to);
                    }
                }
                NodeKind::Other => {
                    return Err(Failure::new(format!(
                        "path '{shown}' needs to be a symlink, file, or directory"
                    )));
                }
                NodeKind::Symlink => {
                    let target = self.tree.read_link(&from)?;
                    let target = Path::new(OsStr::from_bytes(&target));
                    let is_same = |to: &Path| fs::read_link(to).is_ok_and(|it| it == target);
                    if self.is_free(&to, &shown, is_same) {
                        symlink(target, &to)
                            .map_err(Failure::during(format!("writing '{}'", to.display())))?;
                        self.done(to);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether nothing is in the way; else tells what is.
    fn is_free(&mut self, to: &Path, shown: &str, is_same: impl Fn(&Path) -> bool) -> bool {
        if to.symlink_metadata().is_err() {
            return true;
        }
        if is_same(to) {
            self.cx.ui.tell(format!("skipping identical file: {shown}"));
            return false;
        }
        self.cx.ui.tell(format!(
            "refusing to overwrite existing file \"{}\"\n please merge it manually with '{shown}'",
            to.display()
        ));
        self.conflicts += 1;
        false
    }

    fn done(&mut self, to: PathBuf) {
        self.cx.ui.tell(format!("wrote: \"{}\"", to.display()));
        self.written.push(to);
    }
}

/// Makes the repository in `directory` track files.
fn track(directory: &Path, files: &[PathBuf]) -> Outcome {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(["add", "--intent-to-add", "--force", "--"]).args(files);
    let output = command.output().map_err(Failure::during("running `git`"))?;
    if output.status.success() {
        return Ok(());
    }
    let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(format!("`git add` failed: {problem}")))
}
