//! `nix-env --query --json`: a set of packages by attribute path.

use super::name::DerivationName;
use super::{Known, Listing, shown, tell_invalid_meta};
use crate::evaluation::Stop;
use eval::coerce::Text;
use eval::interpret::Eval;
use eval::json::{self, Options};
use eval::packages::Package;
use std::collections::BTreeMap;

/// Tells the packages.
pub(super) fn tell<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    known: &Known<'h>,
) -> Result<(), Stop> {
    let mut objects: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    listing.each(
        eval,
        known,
        |eval, package| {
            let mut object = BTreeMap::new();
            // What was found out before an assertion fails is told.
            match members(listing, eval, package, &mut object) {
                Err(Stop::Evaluation(error)) if error.is_catchable() => {}
                other => other?,
            }
            Ok(vec![if object.is_empty() { b"null".to_vec() } else { compact(&object)? }])
        },
        |package, mut fields| {
            if let Some(object) = fields.pop() {
                objects.insert(package.path.clone().into_bytes(), object);
            }
            Ok(())
        },
    )?;
    let objects: BTreeMap<&str, Vec<u8>> = objects
        .iter()
        .map(|(path, object)| (std::str::from_utf8(path).unwrap_or_default(), object.clone()))
        .collect();
    let mut text = indented(&compact(&objects)?);
    text.push(b'\n');
    Ok(listing.cx.ui.data(text)?)
}

/// Finds out what is told of a package: names and the JSON text of each.
fn members<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    package: &Package<'h>,
    object: &mut BTreeMap<&'static str, Vec<u8>>,
) -> Result<(), Stop> {
    let columns = listing.query.columns;
    let (system, output_name) = (package.system(eval)?, package.output_name(eval)?);
    let DerivationName { name, version } = DerivationName::new(&package.name);
    let texts = [
        ("name", package.name.as_str()),
        ("pname", &name),
        ("version", &version),
        ("system", &system),
        ("outputName", &output_name),
    ];
    for (member, text) in texts {
        object.insert(member, string(text)?);
    }
    let mut outputs = BTreeMap::new();
    for (name, path) in package.outputs(eval, columns.out_path)? {
        let path = path.map_or(Ok(b"null".to_vec()), |path| string(&shown(eval, &path)))?;
        outputs.insert(name, path);
    }
    object.insert("outputs", compact(&outputs)?);
    if columns.drv_path
        && let Some(path) = package.derivation_path(eval)?
    {
        object.insert("drvPath", string(&shown(eval, &path))?);
    }
    if columns.meta {
        let mut all = BTreeMap::new();
        let result = meta(listing, eval, package, &mut all);
        object.insert("meta", compact(&all)?);
        result?;
    }
    Ok(())
}

fn meta<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    package: &Package<'h>,
    all: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), Stop> {
    for (name, slot) in package.meta(eval)? {
        let value = match Package::meta_value(eval, slot)? {
            Some(value) => {
                let mut text = Text::default();
                json::write(eval, value, Options::BUILTIN, &mut text)?;
                text.bytes
            }
            None => {
                tell_invalid_meta(listing.cx, package, &name);
                b"null".to_vec()
            }
        };
        all.insert(name, value);
    }
    Ok(())
}

/// Returns a string as JSON.
pub(in crate::commands) fn string(text: &str) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    json::write_string(text.as_bytes(), &mut bytes)?;
    Ok(bytes)
}

/// Returns an object of members that are JSON already.
pub(in crate::commands) fn compact<K: AsRef<str>>(
    members: &BTreeMap<K, Vec<u8>>,
) -> Result<Vec<u8>, Stop> {
    let mut bytes = vec![b'{'];
    for (name, value) in members {
        if bytes.len() > 1 {
            bytes.push(b',');
        }
        json::write_string(name.as_ref().as_bytes(), &mut bytes)?;
        bytes.push(b':');
        bytes.extend_from_slice(value);
    }
    bytes.push(b'}');
    Ok(bytes)
}

/// Spreads JSON without blanks over lines, two blanks deeper for each level.
fn indented(compact: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * compact.len());
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    };
    for (index, &byte) in compact.iter().enumerate() {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            out.push(byte);
            continue;
        }
        let is_empty = matches!(compact.get(index + 1), Some(b'}' | b']'));
        let was_empty = index > 0 && matches!(compact.get(index - 1), Some(b'{' | b'['));
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                depth += 1;
                if !is_empty {
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if !was_empty {
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn json_is_spread_over_lines() {
        let spread = indented(br#"{"a":[],"b":{"c":"{\",\\"},"d":[1,2.5]}"#);
        let expected = "{\n  \"a\": [],\n  \"b\": {\n    \"c\": \"{\\\",\\\\\"\n  },\n  \
                        \"d\": [\n    1,\n    2.5\n  ]\n}";
        assert_eq!(String::from_utf8_lossy(&spread), expected);
    }
}
