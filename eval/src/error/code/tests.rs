//! Each example fails with its code.

use std::collections::BTreeSet;

use store::{MemoryStore, StoreDirectory};

use super::{Example, TABLE, find, of};
use crate::error::{EvalError, Result};
use crate::heap::{Heap, Lazy, Value};
use crate::interpret::{Eval, on_large_stack};
use crate::print::force_deep;
use crate::settings::Settings;
use crate::source::{HOST, Origin, SourcePath};
use crate::system::MemorySystem;

/// Evaluates `work` on a host with the files of an example.
fn failure(
    files: &[(&str, &[u8])],
    work: impl for<'h> FnOnce(&mut Eval<'h>) -> Result<Value<'h>> + Send,
) -> Option<Box<EvalError>> {
    let mut system = MemorySystem::default();
    for (name, bytes) in files {
        system.files.insert(name.as_bytes().to_vec(), bytes.to_vec());
    }
    let store = MemoryStore::new(StoreDirectory::default());
    let settings = Settings { embedded_fallback: true, ..Settings::default() };
    on_large_stack(|| {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let value = work(&mut eval);
        value.and_then(|value| force_deep(&mut eval, value)).err()
    })
}

fn of_expression(text: &str, files: &[(&str, &[u8])]) -> Option<Box<EvalError>> {
    failure(files, |eval| {
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        eval.evaluate(origin, text.as_bytes())
    })
}

fn of_module(text: &str) -> Option<Box<EvalError>> {
    const ROOT: &str = "{ fileSystems.\"/\" = { device = \"/dev/x\"; fsType = \"ext4\"; };\n\
                        boot.loader.grub.enable = false; imports = [ ./example.nix ]; }";
    let files = [("/configuration.nix", ROOT.as_bytes()), ("/example.nix", text.as_bytes())];
    failure(&files, |eval| {
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        let function = eval.evaluate(
            origin,
            b"configuration: let s = import <nixpkgs/nixos> { inherit configuration; }; in\n\
              builtins.seq s.config.system.build.toplevel.drvPath\n\
              { inherit (s.config.networking) hostName;\n\
              inherit (s.config.networking.firewall) allowedTCPPorts; }",
        )?;
        let path = Value::path(eval.heap(), HOST, b"/configuration.nix");
        eval.call(function, &[Lazy::from(path)])
    })
}

#[test]
fn every_example_fails_with_its_code() {
    let mut wrong = Vec::new();
    for row in TABLE {
        let error = match row.example {
            Example::Expression(text) => of_expression(text, &[]),
            Example::Module(text) => of_module(text),
            Example::File(name, bytes) => {
                of_expression(&format!("import /{name}"), &[(&format!("/{name}"), bytes)])
            }
            Example::Told(_) => continue,
        };
        let found = error.as_deref().map(of);
        if found != Some(row.code) {
            let message = error.map(|error| error.message);
            wrong.push(format!("{}: {found:?} {message:?}", row.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn codes_are_unique_and_in_order() {
    let codes: Vec<&str> = TABLE.iter().map(|row| row.code).collect();
    let set: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(codes, set.into_iter().collect::<Vec<_>>());
    for row in TABLE {
        assert!(!row.title.is_empty() && row.doc.ends_with('.'), "{}", row.code);
    }
    assert_eq!(find("m0201").map(|row| row.code), Some("M0201"));
    assert_eq!(find("X0000"), None);
}
