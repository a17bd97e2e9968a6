//! Names and versions of packages: taken apart, and compared.

use std::cmp::Ordering;

use super::argument::Plain;
use crate::builtins;
use crate::error::Result;
use crate::heap::{AttrsBuilder, Slot, Str, Value};
use crate::interpret::Eval;
use crate::names::names;

builtins! {
    /// Returns the `name` and the `version` that a package's full name consists of.
    ///
    /// The version begins after the first dash that is not followed by a letter.
    ///
    /// ```nix
    /// builtins.parseDrvName "nix-0.12pre"  # => { name = "nix"; version = "0.12pre"; }
    /// builtins.parseDrvName "a-b"          # => { name = "a-b"; version = ""; }
    /// builtins.parseDrvName "a-"           # => { name = "a-"; version = ""; }
    /// ```
    "parseDrvName"(full_name: Plain<'h>) => parse_drv_name;

    /// Returns -1 if the version `lhs` is older than `rhs`, 1 if it is newer, else 0.
    ///
    /// Numbers compare as such, `pre` is older than anything, and a word is older than a number.
    ///
    /// ```nix
    /// builtins.compareVersions "1.10" "1.9"     # => 1
    /// builtins.compareVersions "2.3" "2.3pre1"  # => 1
    /// builtins.compareVersions "2.3a" "2.3.1"   # => -1
    /// builtins.compareVersions "1.0" "1-0"      # => 0
    /// ```
    "compareVersions"(lhs: Plain<'h>, rhs: Plain<'h>) => compare_versions;

    /// Returns the components of a version: runs of digits and of other characters, parted where
    /// they change and by dots and dashes.
    ///
    /// ```nix
    /// builtins.splitVersion "1.2.3pre-4"  # => [ "1" "2" "3" "pre" "4" ]
    /// builtins.splitVersion "..."         # => [ ]
    /// ```
    "splitVersion"(version: Plain<'h>) => split_version;
}

fn parse_drv_name<'h>(eval: &mut Eval<'h>, full_name: Plain<'h>) -> Result<Value<'h>> {
    let heap = eval.heap();
    let bytes = full_name.0;
    let dash = bytes
        .windows(2)
        .position(|pair| matches!(pair, [b'-', next] if !next.is_ascii_alphabetic()));
    let (name, version) = match dash {
        Some(dash) => {
            (bytes.get(..dash).unwrap_or_default(), bytes.get(dash + 1..).unwrap_or_default())
        }
        None => (bytes, b"".as_slice()),
    };
    let mut attrs = AttrsBuilder::with_capacity(2);
    attrs.push(names().name, Value::string(heap, Str::new(name)));
    attrs.push(names().version, Value::string(heap, Str::new(version)));
    Ok(attrs.finish_value(heap))
}

fn compare_versions<'h>(_: &mut Eval<'h>, lhs: Plain<'h>, rhs: Plain<'h>) -> Result<Value<'h>> {
    Ok(Value::int(compare(lhs.0, rhs.0) as i64))
}

fn split_version<'h>(eval: &mut Eval<'h>, version: Plain<'h>) -> Result<Value<'h>> {
    let heap = eval.heap();
    let parts: Vec<&'h [u8]> = Components(version.0).collect();
    let slots = heap.arena().alloc_slice_with(parts.len(), |index| {
        Slot::of(Value::string(heap, Str::new(parts.get(index).copied().unwrap_or_default())))
    });
    Ok(Value::list(slots))
}

/// Compares two versions.
///
/// Source: CppNix, `compareVersions`.
pub fn compare(lhs: &[u8], rhs: &[u8]) -> Ordering {
    let (mut lhs, mut rhs) = (Components(lhs), Components(rhs));
    loop {
        let (a, b) = match (lhs.next(), rhs.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or_default(), b.unwrap_or_default()),
        };
        if is_older(a, b) {
            return Ordering::Less;
        }
        if is_older(b, a) {
            return Ordering::Greater;
        }
    }
}

/// The components of a version that are left.
struct Components<'v>(&'v [u8]);

impl<'v> Iterator for Components<'v> {
    type Item = &'v [u8];

    fn next(&mut self) -> Option<&'v [u8]> {
        let is_separator = |byte: &u8| matches!(byte, b'.' | b'-');
        let start = self.0.iter().position(|byte| !is_separator(byte))?;
        let rest = self.0.get(start..).unwrap_or_default();
        let is_number = rest.first().is_some_and(u8::is_ascii_digit);
        let ends = |byte: &u8| byte.is_ascii_digit() != is_number || is_separator(byte);
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        let (component, rest) = rest.split_at(end);
        self.0 = rest;
        Some(component)
    }
}

fn is_older(a: &[u8], b: &[u8]) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a < b,
        (_, Some(_)) if a.is_empty() => true,
        (_, b_number) => {
            if b == b"pre" {
                false
            } else if a == b"pre" || b_number.is_some() {
                true
            } else {
                number(a).is_none() && a < b
            }
        }
    }
}

/// Reads a component as a number; one beyond 32 bits is a word.
fn number(component: &[u8]) -> Option<i32> {
    std::str::from_utf8(component).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::compare;

    #[test]
    fn versions_compare_by_component() {
        let cases = [
            ("1.0", "2.3", Less),
            ("2.1", "2.3", Less),
            ("2.3", "2.3", Equal),
            ("2.5", "2.3", Greater),
            ("3.1", "2.3", Greater),
            ("2.3.1", "2.3", Greater),
            ("2.3.1", "2.3a", Greater),
            ("2.3pre1", "2.3", Less),
            ("2.3pre3", "2.3pre12", Less),
            ("2.3a", "2.3c", Less),
            ("2.3pre1", "2.3c", Less),
            ("2.3pre1", "2.3q", Less),
            ("1", "", Greater),
            ("a", "", Greater),
            ("pre", "pre", Equal),
            ("99999999999", "100000000000", Greater),
        ];
        for (a, b, expected) in cases {
            assert_eq!(compare(a.as_bytes(), b.as_bytes()), expected, "{a} and {b}");
            assert_eq!(compare(b.as_bytes(), a.as_bytes()), expected.reverse(), "{b} and {a}");
        }
    }
}
