//! One job: what is told of a derivation, or why it cannot be told.

use super::{Jobs, cache_status, recurses};
use crate::building;
use crate::commands::nix_env::json::{compact, string};
use crate::evaluation::{self, Stop, base};
use crate::report::{Failure, of_store};
use crate::roots::Fields;
use eval::coerce::Text;
use eval::equal::is_derivation;
use eval::error::{ErrorKind, EvalError};
use eval::heap::{Attrs, Lazy, Slot, Value};
use eval::interpret::Eval;
use eval::json::{self, Options};
use eval::packages::{self, Package};
use eval::select;
use eval::source::Origin;
use std::collections::{BTreeMap, BTreeSet};
use store::{Derivation, StorePath};

/// What is told: names and the JSON text of each.
pub(super) type Members = BTreeMap<&'static str, Vec<u8>>;

/// A search for jobs below one attribute.
pub(super) struct Search<'j, 'h> {
    pub(super) jobs: &'j Jobs<'j>,
    pub(super) arguments: Attrs<'h>,
}

/// Returns the attributes of a set, by name.
pub(super) fn names<'h>(eval: &Eval<'h>, attrs: Attrs<'h>) -> Vec<(String, &'h Slot<'h>)> {
    let attrs = attrs.iter_by_name(eval.heap());
    attrs.map(|attr| (attr.name.to_text().into_owned(), attr.slot)).collect()
}

impl<'h> Search<'_, 'h> {
    /// Searches what is in an attribute.
    pub(super) fn slot(
        &self,
        eval: &mut Eval<'h>,
        slot: &'h Slot<'h>,
        path: &mut Vec<String>,
        lines: &mut Fields,
    ) -> Result<(), Stop> {
        let value = eval.force(slot);
        self.value(eval, value, path, lines)
    }

    /// Adds a line for a derivation or a failure, and searches a set.
    pub(super) fn value(
        &self,
        eval: &mut Eval<'h>,
        value: Result<Value<'h>, Box<EvalError>>,
        path: &mut Vec<String>,
        lines: &mut Fields,
    ) -> Result<(), Stop> {
        // Sets may hold each other without end.
        eval.deeper(|_| Ok(()))?;
        let mut members = Members::new();
        match self.try_value(eval, value, path, &mut members) {
            Ok(Found::Nothing) => {}
            Ok(Found::Job) => {
                add_name(path, &mut members)?;
                lines.push(compact(&members)?);
            }
            Ok(Found::Set(attrs)) => {
                for (name, slot) in names(eval, attrs) {
                    path.push(name);
                    self.slot(eval, slot, path, lines)?;
                    path.pop();
                }
            }
            Err(Stop::Evaluation(error)) if error.kind != ErrorKind::Cancelled => {
                let text = self.shown(eval, &error);
                self.jobs.cx.ui.speak(text.as_bytes());
                members.clear();
                add_name(path, &mut members)?;
                members.insert("error", string(&text)?);
                lines.push(compact(&members)?);
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    fn try_value(
        &self,
        eval: &mut Eval<'h>,
        value: Result<Value<'h>, Box<EvalError>>,
        path: &[String],
        members: &mut Members,
    ) -> Result<Found<'h>, Stop> {
        let value = select::auto_call(eval, value?, self.arguments)?;
        let Some(attrs) = value.as_attrs() else { return Ok(Found::Nothing) };
        if !is_derivation(eval, attrs)? {
            // What is searched first need not say that it is to be searched.
            let searches =
                self.jobs.args.force_recurse || path.is_empty() || recurses(eval, attrs)?;
            return Ok(if searches { Found::Set(attrs) } else { Found::Nothing });
        }
        let arguments = Attrs::empty(eval.heap());
        let search = packages::Search { prefix: "", arguments, skips_failures: false };
        for package in search.run(eval, value)? {
            self.package(eval, &package, members)?;
        }
        Ok(Found::Job)
    }

    fn package(
        &self,
        eval: &mut Eval<'h>,
        package: &Package<'h>,
        members: &mut Members,
    ) -> Result<(), Stop> {
        let args = self.jobs.args;
        if let Some(text) = &args.apply {
            let base = base(eval);
            let function = eval.evaluate(Origin::String(base), text.as_bytes())?;
            let value = eval.call(function, &[Lazy::from(Value::attrs(package.attrs))])?;
            members.insert("extraValue", value_text(eval, value)?);
        }
        members.insert("name", string(&package.name)?);
        let mut outputs = BTreeMap::new();
        let mut known = Vec::new();
        for (name, path) in package.outputs(eval, true)? {
            known.extend(path.clone());
            let path = path.map(|path| eval.store().directory().display(&path));
            outputs.insert(name, path.map_or(Ok(b"null".to_vec()), |path| string(&path))?);
        }
        members.insert("outputs", compact(&outputs)?);
        let Some(path) = package.derivation_path(eval)? else {
            let message = "derivation does not contain a 'drvPath' attribute";
            return Err(eval::error::other(message).into());
        };
        members.insert("drvPath", string(&eval.store().directory().display(&path))?);
        if args.no_instantiate {
            members.insert("system", string(&package.system(eval)?)?);
        } else {
            let derivation = eval.store().read_derivation(&path).map_err(of_store)?;
            self.derivation(eval, &derivation, members)?;
            if args.check_cache_status {
                let (cx, store) = (self.jobs.cx, eval.store());
                cache_status::add(cx, store, &known, &derivation, members)?;
            }
        }
        if args.meta {
            members.insert("meta", meta(eval, package)?);
        }
        self.keep(eval, &path)
    }

    /// Adds what the derivation's file says.
    fn derivation(
        &self,
        eval: &Eval<'h>,
        derivation: &Derivation,
        members: &mut Members,
    ) -> Result<(), Stop> {
        members.insert("system", string(&String::from_utf8_lossy(&derivation.system))?);
        members.insert("requiredSystemFeatures", list(&required_features(derivation))?);
        if self.jobs.args.show_input_drvs {
            let mut inputs = BTreeMap::new();
            for (path, outputs) in &derivation.input_derivations {
                inputs.insert(eval.store().directory().display(path), list(outputs)?);
            }
            members.insert("inputDrvs", compact(&inputs)?);
        }
        Ok(())
    }

    /// Makes a root of a derivation, where there are to be some.
    fn keep(&self, eval: &Eval<'h>, path: &StorePath) -> Result<(), Stop> {
        let args = self.jobs.args;
        if let Some(directory) = args.gc_roots_dir.as_ref().filter(|_| !args.no_instantiate) {
            let link = std::path::absolute(directory)?.join(path.base_name());
            if link.symlink_metadata().is_err() {
                building::make_root(eval.store(), path, &link)?;
            }
        }
        Ok(())
    }

    /// Returns an error as text, with the word itself.
    fn shown(&self, eval: &mut Eval<'h>, error: &EvalError) -> String {
        let Failure { message, .. } = evaluation::failure(self.jobs.in_their_form, eval, error);
        let text = message.trim_end_matches('\n');
        if text.starts_with("error:") { text.to_owned() } else { format!("error: {text}") }
    }
}

/// Adds by what name the job goes.
fn add_name(path: &[String], members: &mut Members) -> Result<(), Stop> {
    let quoted =
        |name: &String| if name.contains('.') { format!("\"{name}\"") } else { name.clone() };
    let names: Vec<String> = path.iter().map(quoted).collect();
    members.insert("attr", string(&names.join("."))?);
    members.insert("attrPath", list(path)?);
    Ok(())
}

/// What a value is.
enum Found<'h> {
    /// A derivation, which was told.
    Job,
    /// A set in which there may be some.
    Set(Attrs<'h>),
    /// Something else.
    Nothing,
}

/// Returns `meta` as JSON, without what cannot be told; nothing is `null`.
fn meta<'h>(eval: &mut Eval<'h>, package: &Package<'h>) -> Result<Vec<u8>, Stop> {
    let mut members = BTreeMap::new();
    for (name, slot) in package.meta(eval)? {
        if let Some(value) = Package::meta_value(eval, slot)? {
            members.insert(name, value_text(eval, value)?);
        }
    }
    if members.is_empty() { Ok(b"null".to_vec()) } else { compact(&members) }
}

fn value_text<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Vec<u8>, Stop> {
    let mut text = Text::default();
    json::write(eval, value, Options::BUILTIN, &mut text)?;
    Ok(text.bytes)
}

/// Returns strings as a JSON list.
pub(super) fn list<'s>(texts: impl IntoIterator<Item = &'s String>) -> Result<Vec<u8>, Stop> {
    let texts = texts.into_iter().map(|text| string(text)).collect::<Result<Vec<_>, _>>()?;
    Ok([b"[".to_vec(), texts.join(b",".as_slice()), b"]".to_vec()].concat())
}

/// Returns what a derivation requires of the machine that builds it.
fn required_features(derivation: &Derivation) -> BTreeSet<String> {
    const NAME: &str = "requiredSystemFeatures";
    let Some(structured) = derivation.variable("__json") else {
        let text = derivation.variable(NAME).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        return text.split_whitespace().map(str::to_owned).collect();
    };
    let structured: Option<serde_json::Value> = serde_json::from_slice(structured).ok();
    let words = structured.as_ref().and_then(|it| it.get(NAME)?.as_array());
    words.into_iter().flatten().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
}
