//! `nix-env --query --xml`: an element for each package.

use super::name::DerivationName;
use super::{Known, Listing, name, shown, tell_invalid_meta};
use crate::evaluation::Stop;
use eval::heap::{Kind, Value};
use eval::interpret::Eval;
use eval::packages::Package;
use eval::xml::Document;
use std::collections::BTreeMap;

type Pairs = BTreeMap<&'static str, Vec<u8>>;

/// Tells the packages.
pub(super) fn tell<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    known: &Known<'h>,
) -> Result<(), Stop> {
    let ui = listing.cx.ui;
    ui.data("<?xml version='1.0' encoding='utf-8'?>\n<items>\n")?;
    let result = listing.each(
        eval,
        known,
        |eval, package| {
            let mut document = Document::below(1);
            match item(listing, eval, known, package, &mut document) {
                Err(Stop::Evaluation(error)) if error.is_catchable() => {}
                other => other?,
            }
            Ok(vec![document.finish()])
        },
        |_, fields| Ok(ui.data(fields.concat())?),
    );
    ui.data("</items>\n")?;
    result
}

fn item<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    known: &Known<'h>,
    package: &Package<'h>,
    document: &mut Document,
) -> Result<(), Stop> {
    let columns = listing.query.columns;
    let pairs = attributes(listing, eval, known, package)?;
    let pairs: Vec<(&str, &[u8])> =
        pairs.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    document.open("item", &pairs);
    for (name, path) in package.outputs(eval, columns.out_path)? {
        let path = path.map(|path| shown(eval, &path));
        let mut pairs: Vec<(&str, &[u8])> = vec![("name", name.as_bytes())];
        pairs.extend(path.as_ref().map(|path| ("path", path.as_bytes())));
        document.empty("output", &pairs);
    }
    if columns.meta {
        for (name, slot) in package.meta(eval)? {
            match Package::meta_value(eval, slot)? {
                Some(value) => meta(eval, &name, value, document)?,
                None => tell_invalid_meta(listing.cx, package, &name),
            }
        }
    }
    Ok(())
}

fn attributes<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    known: &Known<'h>,
    package: &Package<'h>,
) -> Result<Pairs, Stop> {
    let columns = listing.query.columns;
    let mut pairs = Pairs::new();
    let flag = |is_set: bool| if is_set { b"1".to_vec() } else { b"0".to_vec() };
    if columns.status {
        let (is_installed, is_valid) = listing.status(eval, known, package)?;
        pairs.insert("installed", flag(is_installed));
        pairs.insert("valid", flag(is_valid));
        pairs.insert("substitutable", flag(false));
    }
    pairs.insert("attrPath", package.path.clone().into_bytes());
    let DerivationName { name, version } = DerivationName::new(&package.name);
    pairs.insert("name", package.name.clone().into_bytes());
    pairs.insert("pname", name.into_bytes());
    pairs.insert("version", version.into_bytes());
    if columns.compares_versions {
        let comparison = name::compare(&package.name, &known.others);
        if comparison.sign != '-' {
            pairs.insert("versionDiff", comparison.sign.to_string().into_bytes());
            pairs.insert("maxComparedVersion", comparison.version.into_bytes());
        }
    }
    let system = package.system(eval)?;
    if !system.is_empty() {
        pairs.insert("system", system.into_bytes());
    }
    if columns.drv_path
        && let Some(path) = package.derivation_path(eval)?
    {
        pairs.insert("drvPath", shown(eval, &path).into_bytes());
    }
    pairs.insert("outputName", package.output_name(eval)?.into_bytes());
    if columns.description {
        let description = package.description(eval)?;
        if !description.is_empty() {
            pairs.insert("description", description);
        }
    }
    Ok(pairs)
}

/// Adds an attribute of `meta`; of lists and sets only the strings are told.
fn meta<'h>(
    eval: &mut Eval<'h>,
    name: &str,
    value: Value<'h>,
    document: &mut Document,
) -> Result<(), Stop> {
    let mut scalar = |kind: &str, text: &[u8]| {
        let pairs = [("name", name.as_bytes()), ("type", kind.as_bytes()), ("value", text)];
        document.empty("meta", &pairs);
    };
    let strings = [("name", name.as_bytes()), ("type", b"strings".as_slice())];
    match value.kind() {
        Kind::String(string) => scalar("string", string.bytes()),
        Kind::Int(number) => scalar("int", number.to_string().as_bytes()),
        Kind::Float(number) => scalar("float", eval::number::general(number).as_bytes()),
        Kind::Bool(value) => scalar("bool", if value { b"true" } else { b"false" }),
        Kind::List(list) => {
            document.open("meta", &strings);
            for slot in list {
                if let Some(string) = eval.force(slot)?.as_string() {
                    document.empty("string", &[("value", string.bytes())]);
                }
            }
            document.close();
        }
        Kind::Attrs(attrs) => {
            document.open("meta", &strings);
            for attr in attrs.iter(eval.heap()) {
                if let Some(string) = eval.force(attr.slot)?.as_string() {
                    let pairs = [("type", attr.name.as_bytes()), ("value", string.bytes())];
                    document.empty("string", &pairs);
                }
            }
            document.close();
        }
        _ => {}
    }
    Ok(())
}
