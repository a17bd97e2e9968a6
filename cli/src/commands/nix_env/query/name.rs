//! Names of packages: taken apart, compared, and selected by patterns.

use crate::report::{Failure, Outcome};
use eval::builtins::version;
use eval::packages::Package;
use eval::regex::{Regex, Scratch};
use std::cmp::Ordering;
use std::sync::atomic::AtomicBool;

/// A name of a derivation, parted at the first dash that no letter follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DerivationName {
    pub(super) name: String,
    pub(super) version: String,
}

impl DerivationName {
    pub(super) fn new(full: &str) -> Self {
        let bytes = full.as_bytes();
        let dash = bytes
            .windows(2)
            .position(|pair| matches!(pair, [b'-', next] if !next.is_ascii_alphabetic()));
        let parts = dash.and_then(|dash| Some((full.get(..dash)?, full.get(dash + 1..)?)));
        let (name, version) = parts.unwrap_or((full, ""));
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}

/// What selects packages: a pattern for the name, and perhaps a version.
pub(super) struct Selector {
    full: String,
    name: DerivationName,
    /// The pattern, unless it is `*`.
    pattern: Option<Regex>,
}

impl Selector {
    /// Reads a selector such as `hello`, `perl-.*` or `gcc-9.3.0`.
    ///
    /// # Errors
    ///
    /// When the name is not a regular expression.
    pub(super) fn new(text: &str) -> Outcome<Self> {
        let name = DerivationName::new(text);
        let pattern = if name.name == "*" {
            None
        } else {
            let pattern = Regex::new(name.name.as_bytes());
            let wrong = |_| Failure::new(format!("invalid regular expression '{}'", name.name));
            Some(pattern.map_err(wrong)?)
        };
        Ok(Self { full: text.to_owned(), name, pattern })
    }

    fn matches(&self, name: &DerivationName, scratch: &mut Scratch) -> bool {
        let is_named = self.pattern.as_ref().is_none_or(|pattern| {
            let never = AtomicBool::new(false);
            let found = pattern.match_whole(name.name.as_bytes(), scratch, &never);
            found.is_ok_and(|found| found.is_some())
        });
        is_named && (self.name.version.is_empty() || self.name.version == name.version)
    }
}

/// Near misses that a selector without a match is told.
const SUGGESTIONS_MAX: usize = 3;

/// Returns the packages that any selector selects, in the order of the selectors; all of them if
/// there is none.
///
/// # Errors
///
/// When a selector selects nothing.
pub(super) fn select<'h>(
    packages: &[Package<'h>],
    selectors: &[Selector],
) -> Outcome<Vec<Package<'h>>> {
    if selectors.is_empty() {
        return Ok(packages.to_vec());
    }
    let names: Vec<_> = packages.iter().map(|it| DerivationName::new(&it.name)).collect();
    let mut is_taken = vec![false; packages.len()];
    let (mut selected, mut scratch) = (Vec::new(), Scratch::default());
    for selector in selectors {
        let mut has_match = selector.full == "*";
        for ((package, name), is_taken) in packages.iter().zip(&names).zip(&mut is_taken) {
            if selector.matches(name, &mut scratch) {
                has_match = true;
                if !std::mem::replace(is_taken, true) {
                    selected.push(package.clone());
                }
            }
        }
        if !has_match {
            return Err(no_match(selector, &names));
        }
    }
    Ok(selected)
}

fn no_match(selector: &Selector, names: &[DerivationName]) -> Failure {
    let mut near: Vec<&str> = Vec::new();
    for DerivationName { name, .. } in names {
        if name.starts_with(&selector.name.name) && !near.contains(&name.as_str()) {
            near.push(name);
            if near.len() >= SUGGESTIONS_MAX {
                break;
            }
        }
    }
    near.sort_unstable();
    let full = &selector.full;
    let mut message = format!("selector '{full}' matches no derivations");
    if !near.is_empty() {
        message.push_str(", maybe you meant:");
    }
    for name in near {
        message.push_str("\n       ");
        message.push_str(name);
    }
    Failure::new(message)
}

/// Whether the package called `a` comes before that called `b`, in any case of letters.
pub(super) fn is_before(a: &str, b: &str) -> bool {
    let key = |byte: u8| byte.to_ascii_uppercase().cast_signed();
    a.bytes().map(key).lt(b.bytes().map(key))
}

/// How a package's version compares with the others of the same name, and which one that is.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Comparison {
    /// `<` if there is a newer one, `=`, `>`, or `-` if there is none of that name.
    pub(super) sign: char,
    /// The version compared with; `?` if there is none.
    pub(super) version: String,
}

/// Compares a package with others.
pub(super) fn compare(full: &str, others: &[DerivationName]) -> Comparison {
    let own = DerivationName::new(full);
    let mut comparison = Comparison { sign: '-', version: "?".to_owned() };
    for other in others.iter().filter(|other| other.name == own.name) {
        let (before, version) = (comparison.sign, &other.version);
        match version::compare(own.version.as_bytes(), version.as_bytes()) {
            Ordering::Less => comparison = Comparison { sign: '<', version: version.clone() },
            Ordering::Equal if before != '<' => {
                comparison = Comparison { sign: '=', version: version.clone() };
            }
            Ordering::Greater if before == '-' || before == '>' => {
                comparison.sign = '>';
                let known = comparison.version.as_bytes();
                if known.is_empty() || version::compare(known, version.as_bytes()) == Ordering::Less
                {
                    comparison.version.clone_from(version);
                }
            }
            _ => {}
        }
    }
    comparison
}

#[cfg(test)]
mod tests {
    use super::{DerivationName, compare, is_before};

    #[test]
    fn names_part_before_the_version() {
        let part = |full: &str| {
            let DerivationName { name, version } = DerivationName::new(full);
            (name, version)
        };
        assert_eq!(part("apache-httpd-2.0.48"), ("apache-httpd".into(), "2.0.48".into()));
        assert_eq!(part("a-"), ("a-".into(), String::new()));
        assert_eq!(part("a--1"), ("a".into(), "-1".into()));
    }

    #[test]
    fn the_newest_version_is_compared_with() {
        let others: Vec<_> = ["a-1", "a-3", "b-9"].map(DerivationName::new).into();
        let sign = |full: &str| {
            let comparison = compare(full, &others);
            (comparison.sign, comparison.version)
        };
        assert_eq!(sign("a-2"), ('<', "3".into()));
        assert_eq!(sign("a-3"), ('=', "3".into()));
        assert_eq!(sign("a-4"), ('>', "3".into()));
        assert_eq!(sign("c-4"), ('-', "?".into()));
    }

    #[test]
    fn the_case_of_letters_decides_nothing() {
        assert!(is_before("Abc", "abd") && !is_before("ABC", "abc") && !is_before("abc", "ABC"));
    }
}
