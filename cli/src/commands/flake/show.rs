//! `flake show`: the outputs of a flake as a tree.
//!
//! How deep it goes and what it says of a leaf follows from the name of the output.
//! Source: CppNix, `CmdFlakeShow`.

use super::{Line, with_flake};
use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::installable;
use crate::report::{Failure, Outcome};
use eval::equal;
use eval::error::ErrorKind;
use eval::heap::{Attrs, Value};
use eval::interpret::Eval;
use serde_json::{Map, Value as Json, json};

/// Prints the outputs of a flake.
///
/// # Errors
///
/// Whatever is wrong with the flake or its outputs.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let text = with_flake(cx, line, |eval, locked| {
        let outputs = installable::outputs(eval, &locked)?;
        let mut tree = Tree { line, text: String::new(), warnings: Vec::new() };
        let header = locked.flake.tree.locked.show();
        let json = tree.visit(eval, Value::attrs(outputs), &[], &header, "")?;
        for warning in tree.warnings {
            eval.system().message(format!("warning: {warning}").as_bytes());
        }
        Ok(if line.json { format!("{json}\n") } else { tree.text })
    })?;
    Ok(cx.ui.data(text)?)
}

/// What is done with an attribute.
enum Kind {
    /// What is in it is shown.
    Set,
    /// It is a derivation, called so.
    Derivation(&'static str),
    /// It is a derivation, or a set of such.
    Job,
    Legacy,
    App,
    Template,
    /// It has a type, and a text that says so.
    Leaf(&'static str, &'static str),
}

fn kind(path: &[&str]) -> Kind {
    match path {
        [] => Kind::Set,
        [
            "defaultPackage"
            | "devShell"
            | "formatter"
            | "nixosConfigurations"
            | "nixosModules"
            | "defaultApp"
            | "templates"
            | "overlays"
            | "checks"
            | "packages"
            | "devShells"
            | "apps",
        ]
        | ["checks" | "packages" | "devShells" | "apps", _] => Kind::Set,
        ["devShell", _] | ["devShells", _, _] => Kind::Derivation("development environment"),
        ["defaultPackage" | "formatter", _] | ["packages", _, _] => Kind::Derivation("package"),
        ["checks", _, _] => Kind::Derivation("derivation"),
        ["hydraJobs", ..] => Kind::Job,
        ["legacyPackages", ..] => Kind::Legacy,
        ["defaultApp", _] | ["apps", _, _] => Kind::App,
        ["defaultTemplate"] | ["templates", _] => Kind::Template,
        ["overlay"] | ["overlays", _] => Kind::Leaf("nixpkgs-overlay", "Nixpkgs overlay"),
        ["nixosConfigurations", _] => Kind::Leaf("nixos-configuration", "NixOS configuration"),
        ["nixosModule"] | ["nixosModules", _] => Kind::Leaf("nixos-module", "NixOS module"),
        _ => Kind::Leaf("unknown", "unknown"),
    }
}

struct Tree<'l> {
    line: &'l Line,
    text: String,
    warnings: Vec<String>,
}

impl Tree<'_> {
    /// Shows the value at `path`, whose line begins with `header`.
    fn visit<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        value: Value<'h>,
        path: &[&str],
        header: &str,
        indent: &str,
    ) -> Result<Json, Stop> {
        let system = eval.settings().system.clone();
        let is_foreign = path.get(1).is_some_and(|it| *it != system) && !self.line.all_systems;
        match kind(path) {
            Kind::Set => self.set(eval, value, path, header, indent),
            Kind::Derivation(_) if is_foreign => {
                Ok(self.omitted(path, header, "(use '--all-systems' to show)"))
            }
            Kind::Derivation(what) => self.derivation(eval, value, path, header, what),
            Kind::Job if is_one(eval, value)? => {
                self.derivation(eval, value, path, header, "derivation")
            }
            Kind::Job => self.set(eval, value, path, header, indent),
            Kind::Legacy if path.len() == 1 => self.set(eval, value, path, header, indent),
            Kind::Legacy if !self.line.legacy => {
                Ok(self.omitted(path, header, "(use '--legacy' to show)"))
            }
            Kind::Legacy if is_foreign => {
                Ok(self.omitted(path, header, "(use '--all-systems' to show)"))
            }
            Kind::Legacy => match is_one(eval, value) {
                Ok(true) => self.derivation(eval, value, path, header, "package"),
                Ok(false) if path.len() <= 2 => self.set(eval, value, path, header, indent),
                Ok(false) => Ok(json!({})),
                Err(error) if error.kind == ErrorKind::Cancelled => Err(error.into()),
                // Some packages of a large set do not evaluate, and nobody asked for them.
                Err(_) => Ok(json!({})),
            },
            Kind::App => self.app(eval, value, header),
            Kind::Template => {
                let description = text_of(eval, set_of(value)?, &["description"])?;
                let description = description.unwrap_or_default();
                self.say(header, &format!(": template: {description}"));
                Ok(json!({ "type": "template", "description": description }))
            }
            Kind::Leaf(name, text) => {
                self.say(header, &format!(": {text}"));
                Ok(json!({ "type": name }))
            }
        }
    }

    fn say(&mut self, header: &str, rest: &str) {
        self.text.push_str(header);
        self.text.push_str(rest);
        self.text.push('\n');
    }

    fn omitted(&mut self, path: &[&str], header: &str, how: &str) -> Json {
        if self.line.json {
            self.warnings.push(format!("{} omitted {how}", path.join(".")));
        }
        self.say(header, &format!(" omitted {how}"));
        json!({})
    }

    fn set<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        value: Value<'h>,
        path: &[&str],
        header: &str,
        indent: &str,
    ) -> Result<Json, Stop> {
        let attrs = set_of(value)?;
        self.say(header, "");
        let mut children = Vec::new();
        for attr in attrs.iter_by_name(eval.heap()) {
            let name = attr.name.to_text().into_owned();
            if has_content(eval, attrs, &[path, &[&name]].concat())? {
                children.push((name, attr.slot));
            }
        }
        let mut json = Map::new();
        for (index, (name, slot)) in children.iter().enumerate() {
            let is_last = index + 1 == children.len();
            let (branch, more) =
                if is_last { ("└───", "    ") } else { ("├───", "│   ") };
            let value = eval.force(slot)?;
            let inner = self.visit(
                eval,
                value,
                &[path, &[name.as_str()]].concat(),
                &format!("{indent}{branch}{name}"),
                &format!("{indent}{more}"),
            )?;
            json.insert(name.clone(), inner);
        }
        Ok(json.into())
    }

    fn derivation<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        value: Value<'h>,
        path: &[&str],
        header: &str,
        what: &str,
    ) -> Result<Json, Stop> {
        if !is_one(eval, value)? {
            self.warnings.push(format!("{} is not a derivation", path.join(".")));
            return Ok(json!({}));
        }
        let attrs = set_of(value)?;
        let name = text_of(eval, attrs, &["name"])?.unwrap_or_default();
        self.say(header, &format!(": {what} '{name}'"));
        if !self.line.json {
            return Ok(json!({}));
        }
        let description = text_of(eval, attrs, &["meta", "description"])?.unwrap_or_default();
        Ok(json!({ "type": "derivation", "name": name, "description": description }))
    }

    fn app<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        value: Value<'h>,
        header: &str,
    ) -> Result<Json, Stop> {
        let attrs = set_of(value)?;
        if text_of(eval, attrs, &["type"])?.as_deref() != Some("app") {
            return Err(Failure::new("not an app definition").into());
        }
        let description = text_of(eval, attrs, &["meta", "description"])?;
        let shown = description.as_deref().unwrap_or("no description");
        self.say(header, &format!(": app: {shown}"));
        let mut json = json!({ "type": "app" });
        if let (Json::Object(json), Some(description)) = (&mut json, description) {
            json.insert("description".to_owned(), description.into());
        }
        Ok(json)
    }
}

/// Whether a value is a derivation.
fn is_one<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> eval::error::Result<bool> {
    value.as_attrs().map_or(Ok(false), |attrs| equal::is_derivation(eval, attrs))
}

fn set_of(value: Value<'_>) -> Result<Attrs<'_>, Stop> {
    let not_a_set = || Failure::new(format!("{} is not a set", eval::print::show_type(value)));
    value.as_attrs().ok_or_else(|| not_a_set().into())
}

/// Returns the string at a path of attributes, if it is there.
fn text_of<'h>(
    eval: &mut Eval<'h>,
    attrs: Attrs<'h>,
    path: &[&str],
) -> Result<Option<String>, Stop> {
    let mut value = Value::attrs(attrs);
    for name in path {
        let Some(slot) = value.as_attrs().and_then(|it| it.named(name.as_bytes())) else {
            return Ok(None);
        };
        value = eval.force(slot)?;
    }
    Ok(value.as_string().map(|text| text.to_text().into_owned()))
}

/// Whether there is something in the last attribute of `path`, which is one of `attrs`.
///
/// Frameworks define outputs that may well be empty.
fn has_content<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, path: &[&str]) -> Result<bool, Stop> {
    let is_nested = matches!(
        path,
        ["apps"
            | "checks"
            | "devShells"
            | "legacyPackages"
            | "packages"
            | "formatter"
            | "nixosConfigurations"
            | "nixosModules"
            | "overlays"]
            | ["apps" | "checks" | "devShells" | "legacyPackages" | "packages", _]
    );
    let Some(name) = path.last().filter(|_| is_nested) else { return Ok(true) };
    let Some(value) = evaluation::attribute(eval, attrs, name.as_bytes())? else {
        return Ok(true);
    };
    let Some(inner) = value.as_attrs() else { return Ok(true) };
    for attr in inner.iter_by_name(eval.heap()) {
        let name = attr.name.to_text();
        if has_content(eval, inner, &[path, &[&*name]].concat())? {
            return Ok(true);
        }
    }
    Ok(false)
}
