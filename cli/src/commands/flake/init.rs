//! `flake init`: a first `flake.nix`.

use crate::context::Context;
use crate::report::{Failure, Outcome};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

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

/// Writes a `flake.nix` into the current directory.
///
/// # Errors
///
/// When there is one already, or it cannot be written.
pub(super) fn run(cx: &Context) -> Outcome {
    let path = Path::new("flake.nix");
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
