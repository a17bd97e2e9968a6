//! The expressions that evaluate the module systems of a project.

use std::fmt::Write as _;

use eval::scope::{self, Target};

use super::graph::{Around, Call};
use super::{Root, Sort};

/// What is in scope of modules that are written where a system is evaluated.
const SURROUNDINGS: &str = "let
  lib = import <nixpkgs/lib>;
  pkgs = import <nixpkgs> { };
  nixpkgs = { outPath = <nixpkgs>; inherit lib; };
  flake = if builtins.pathExists ./flake.nix then import ./flake.nix else { };
  named = (flake.inputs or { }) // builtins.functionArgs (flake.outputs or ({ }: { }));
  inputs = builtins.mapAttrs (name: _: { }) named // { inherit nixpkgs self; };
  self = (if flake ? outputs then flake.outputs inputs else { })
    // { inherit inputs; outPath = ./.; };
in ";

/// The names in it.
const SURROUNDING_NAMES: [&str; 5] = ["lib", "pkgs", "nixpkgs", "inputs", "self"];

/// Returns the expressions for what a comment says to evaluate.
pub(super) fn said(text: &str) -> Vec<String> {
    vec![format!(
        "{SURROUNDINGS}let found = ({text}); in \
         if found ? options then found else {{ options = found; config = {{ }}; }}"
    )]
}

/// Returns home-manager's modules with a configuration, wherever home-manager is found.
pub(super) fn home_manager(path: &[u8]) -> Root {
    let title = String::from_utf8_lossy(path).into_owned();
    let directory = super::parent(path).unwrap_or(b"/").to_vec();
    let configuration = format!("(/. + {})", quoted(path));
    Root::Expression { title, directory, texts: home_manager_texts(&configuration) }
}

fn home_manager_texts(configuration: &str) -> Vec<String> {
    vec![format!(
        "{SURROUNDINGS}import <home-manager/modules> {{ inherit pkgs lib; check = false; \
         configuration = {configuration}; }}"
    )]
}

/// Returns nix-darwin's modules with a configuration.
pub(super) fn darwin(path: &[u8]) -> Root {
    let title = String::from_utf8_lossy(path).into_owned();
    let directory = super::parent(path).unwrap_or(b"/").to_vec();
    let text =
        format!("{SURROUNDINGS}import <darwin> {{ configuration = /. + {}; }}", quoted(path));
    Root::Expression { title, directory, texts: vec![text] }
}

/// Returns the module system that a call evaluates.
pub(super) fn of_call(call: &Call) -> Root {
    let directory = super::parent(&call.file).unwrap_or(b"/").to_vec();
    let name = call.file.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let file = String::from_utf8_lossy(name);
    let attribute: Vec<&str> =
        call.attribute.iter().map(String::as_str).skip_while(|name| *name == "outputs").collect();
    let title = if attribute.is_empty() {
        format!("{file}: {}", call.function)
    } else {
        format!("{file}: {}", attribute.join("."))
    };
    let mut texts = Vec::new();
    if &*file == "flake.nix" && !attribute.is_empty() {
        let path: Vec<String> = attribute.iter().map(|it| quoted(it.as_bytes())).collect();
        texts.push(format!("(builtins.getFlake (toString ./.)).{}", path.join(".")));
    }
    match call.sort {
        Sort::Nixos => texts.push(nixos(call)),
        Sort::HomeManager => texts.extend(home_manager_texts(&modules(call))),
        Sort::Darwin => {
            texts.push(format!(
                "{SURROUNDINGS}import <darwin> {{ configuration = {}; }}",
                modules(call)
            ));
        }
        Sort::Other => texts.push(in_place(call)),
    }
    Root::Expression { title, directory, texts }
}

/// The modules of a call that can be evaluated without what the inputs of a flake provide.
fn modules(call: &Call) -> String {
    let mut text = String::from("{ imports = [");
    for file in &call.files {
        let _ = write!(text, " (/. + {})", quoted(file));
    }
    for module in call.inline.iter().filter(|it| is_closed(it)) {
        let _ = write!(text, " ({module})");
    }
    text.push_str(" ]; }");
    text
}

fn nixos(call: &Call) -> String {
    let mut arguments = String::from("inherit inputs self; ");
    for name in call.arguments.iter().filter(|it| !matches!(it.as_str(), "inputs" | "self")) {
        let _ = write!(arguments, "{} = {{ }}; ", quoted(name.as_bytes()));
    }
    // Older libraries do not tell afterwards what was given to the modules.
    format!(
        "{SURROUNDINGS}let specialArgs = {{ {arguments}}}; \
         found = import <nixpkgs/nixos/lib/eval-config.nix> {{ \
         system = \"x86_64-linux\"; inherit specialArgs; \
         modules = [ {} {{ _module.check = false; }} ]; }}; \
         in found // {{ _module = (found._module or {{ }}) // {{ inherit specialArgs; }}; }}",
        modules(call)
    )
}

/// A call in its own surroundings, whose functions are called with what everybody has.
fn in_place(call: &Call) -> String {
    let mut text = String::from(SURROUNDINGS);
    let mut closing = 0;
    let mut opening = String::new();
    for around in &call.around {
        match around {
            Around::Text(written) => opening.push_str(written),
            Around::Function(parameter, names) => {
                let mut arguments = String::new();
                for (name, has_default) in names {
                    if SURROUNDING_NAMES.contains(&name.as_str()) {
                        let _ = write!(arguments, "inherit {name}; ");
                    } else if !has_default {
                        let _ = write!(arguments, "{} = {{ }}; ", quoted(name.as_bytes()));
                    }
                }
                let _ = write!(text, "(let call = f: f {{ {arguments}}}; in call (");
                text.push_str(&std::mem::take(&mut opening));
                text.push_str(parameter);
                closing += 2;
            }
        }
    }
    text.push_str(&opening);
    text.push_str(&call.text);
    text.push_str(&")".repeat(closing));
    text
}

/// Whether a module's text needs nothing but what every module is given.
fn is_closed(text: &str) -> bool {
    let (tree, errors) = syntax::parse_flat(text.as_bytes(), eval::db::PARSE_OPTIONS);
    let scopes = scope::scopes(&tree);
    errors.is_empty()
        && scopes.references.iter().all(|it| {
            it.target != Target::Undefined
                || SURROUNDING_NAMES.contains(&it.name.to_text().as_ref())
        })
}

fn quoted(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}
