//! URLs as references to flakes are written: RFC 3986, with a little more allowed.
//!
//! Source: CppNix, `parseURL`, and Boost's URL grammar.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A URL, taken apart and decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    /// The scheme as written.
    pub(super) scheme: String,
    /// What stands between `//` and the path.
    pub(super) authority: Option<Authority>,
    /// The parts of the path between its slashes.
    pub(super) path: Vec<String>,
    /// The parameters.
    pub(super) query: BTreeMap<String, String>,
    /// What stands behind `#`.
    pub(super) fragment: String,
    /// What stands where a parameter would, but has no equal sign.
    pub(super) dubious: Vec<String>,
}

/// The authority of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Authority {
    user: Option<String>,
    password: Option<String>,
    /// The host, without brackets.
    pub(super) host: String,
    is_literal: bool,
    port: Option<u16>,
}

/// The characters that path segments have beside the unreserved ones, written as they are.
const IN_PATH: &str = ":@";
/// The same for parameters.
const IN_QUERY: &str = ":@/?";

impl Url {
    /// Parses a URL; blanks and quotes in its query, and these and `^` in its fragment, need not
    /// be encoded if `lenient`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str, lenient: bool) -> Result<Url, String> {
        let fixed = if lenient { relaxed(text) } else { text.to_owned() };
        let invalid = || format!("'{text}' is not a valid URL: leftover");
        let (rest, fragment) = split_at(&fixed, '#');
        let (rest, query) = split_at(rest, '?');
        let scheme = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
        let Some((scheme, rest)) = scheme else {
            return Err(format!("'{fixed}' doesn't have a scheme"));
        };
        let (authority, mut path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, _) = split_at(rest, '/');
                let path = rest.get(authority.len()..).unwrap_or_default();
                (Some(Authority::parse(authority)?), path)
            }
            None => (None, rest),
        };
        if !is_encoded(path, "/:@") || !is_encoded(query.unwrap_or_default(), "/:@?[]") {
            return Err(invalid());
        }
        let fragment = fragment.unwrap_or_default();
        if !is_encoded(fragment, "/:@?#") {
            return Err(invalid());
        }
        if transport(scheme) == "file" {
            if let Some(authority) = authority.as_ref().filter(|it| !it.host.is_empty()) {
                let shown = authority.show();
                return Err(format!("file:// URL '{fixed}' has unexpected authority '{shown}'"));
            }
            if path.is_empty() {
                path = "/";
            }
        }
        let (query, dubious) = parse_query(query.unwrap_or_default());
        Ok(Url {
            scheme: scheme.to_owned(),
            authority,
            path: path.split('/').map(decode).collect(),
            query,
            fragment: decode(fragment),
            dubious,
        })
    }

    /// Returns the parts of the path that are not empty.
    pub(super) fn segments(&self) -> Vec<String> {
        self.path.iter().filter(|part| !part.is_empty()).cloned().collect()
    }

    /// Writes the URL.
    pub(super) fn show(&self) -> String {
        let mut text = format!("{}:", self.scheme);
        if let Some(authority) = &self.authority {
            text.push_str("//");
            text.push_str(&authority.show());
        }
        let path: Vec<String> = self.path.iter().map(|part| encode(part, IN_PATH)).collect();
        text.push_str(&path.join("/"));
        let mut separator = '?';
        for (name, value) in &self.query {
            text.push(separator);
            separator = '&';
            text.push_str(&encode(name, IN_QUERY));
            text.push('=');
            text.push_str(&encode(value, IN_QUERY));
        }
        if !self.fragment.is_empty() {
            text.push('#');
            text.push_str(&encode(&self.fragment, ""));
        }
        text
    }
}

impl Authority {
    fn parse(text: &str) -> Result<Authority, String> {
        let invalid = || format!("invalid URL authority: '{text}': leftover");
        let (user_info, rest) = match text.split_once('@') {
            Some((user_info, rest)) => (Some(user_info), rest),
            None => (None, text),
        };
        let (host, port, is_literal) = match rest.strip_prefix('[') {
            Some(literal) => {
                let (host, rest) = literal.split_once(']').ok_or_else(invalid)?;
                let port = match rest {
                    "" => None,
                    _ => Some(rest.strip_prefix(':').ok_or_else(invalid)?),
                };
                (host, port, true)
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port), false),
                None => (rest, None, false),
            },
        };
        let user_info = user_info
            .map(|it| it.split_once(':').map_or((it, None), |(user, it)| (user, Some(it))));
        let is_digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let is_good = is_encoded(host, if is_literal { ":" } else { "" })
            && port.is_none_or(is_digits)
            && user_info.is_none_or(|(user, password)| {
                is_encoded(user, "") && is_encoded(password.unwrap_or_default(), ":")
            });
        if !is_good {
            return Err(invalid());
        }
        let port = match port.filter(|port| !port.is_empty()) {
            None => None,
            Some(port) => match port.parse::<u16>() {
                Ok(number) => Some(number),
                Err(_) => return Err(format!("port '{port}' is invalid")),
            },
        };
        Ok(Authority {
            user: user_info.map(|(user, _)| decode(user)),
            password: user_info.and_then(|(_, password)| password).map(decode),
            host: decode(host),
            is_literal,
            port,
        })
    }

    pub(super) fn show(&self) -> String {
        let mut text = String::new();
        if let Some(user) = &self.user {
            text.push_str(&encode(user, ""));
            if let Some(password) = &self.password {
                text.push(':');
                text.push_str(&encode(password, ""));
            }
            text.push('@');
        }
        if self.is_literal {
            // Writing to a string never fails.
            let _ = write!(text, "[{}]", encode(&self.host, ":"));
        } else {
            text.push_str(&encode(&self.host, ""));
        }
        if let Some(port) = self.port {
            let _ = write!(text, ":{port}");
        }
        text
    }
}

/// Returns the part of a scheme before its `+`, if it has one: `git` of `git+https`.
pub(super) fn application(scheme: &str) -> Option<&str> {
    scheme.split_once('+').map(|(application, _)| application)
}

/// Returns the part of a scheme behind its `+`: `https` of `git+https`, and of `https`.
pub(super) fn transport(scheme: &str) -> &str {
    scheme.split_once('+').map_or(scheme, |(_, transport)| transport)
}

/// Parses `a=1&b=2`, of which the first of a name counts; returns apart what has no equal sign.
pub(super) fn parse_query(text: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let mut query = BTreeMap::new();
    let mut dubious = Vec::new();
    for pair in text.split('&') {
        match pair.split_once('=') {
            Some((name, value)) => {
                query.entry(decode(name)).or_insert_with(|| decode(value));
            }
            None if text.is_empty() => {}
            None => dubious.push(pair.to_owned()),
        }
    }
    (query, dubious)
}

/// Encodes what a lenient parser accepts unencoded.
pub(super) fn relaxed(text: &str) -> String {
    let encoded = |text: &str, extra: &str| -> String {
        text.chars()
            .map(|char| {
                let is_extra = extra.contains(char);
                if is_extra { encode(&char.to_string(), "") } else { char.to_string() }
            })
            .collect()
    };
    let (before, query) = split_at(text, '?');
    let (head, query, fragment) = match query {
        Some(query) => {
            let (query, fragment) = split_at(query, '#');
            (before, Some(query), fragment)
        }
        None => {
            let (head, fragment) = split_at(before, '#');
            (head, None, fragment)
        }
    };
    let mut fixed = head.to_owned();
    if let Some(query) = query {
        fixed.push('?');
        fixed.push_str(&encoded(query, " \""));
    }
    if let Some(fragment) = fragment {
        fixed.push('#');
        fixed.push_str(&encoded(fragment, " \"^"));
    }
    fixed
}

/// Parts a text at the first `separator`.
fn split_at(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
}

fn is_unreserved(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-._~".contains(char)
}

/// Whether a text has only unreserved characters, delimiters, encoded ones and those of `more`.
fn is_encoded(text: &str, more: &str) -> bool {
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        let is_good = match char {
            '%' => {
                let is_digit = |char: Option<char>| char.is_some_and(|it| it.is_ascii_hexdigit());
                is_digit(rest.next()) && is_digit(rest.next())
            }
            _ => is_unreserved(char) || "!$&'()*+,;=".contains(char) || more.contains(char),
        };
        if !is_good {
            return false;
        }
    }
    true
}

/// Encodes all but unreserved characters and those of `keep`.
pub(super) fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let char = char::from(byte);
        if byte.is_ascii() && (is_unreserved(char) || keep.contains(char)) {
            encoded.push(char);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes `%41`; what is no such thing stays as it is.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Url;

    fn check(text: &str) {
        let url = Url::parse(text, true).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(url.show(), text);
    }

    #[test]
    fn parsing_and_writing_are_inverse() {
        check("https://user:secret@example.com:8080/a/b%20c?x=1&y=a/b#f");
        check("git+file:///a/b");
        check("http://[::1]:80/");
        check("github:a/b");
    }

    #[test]
    fn blanks_and_quotes_are_allowed_where_they_always_were() {
        let url = Url::parse("a:b?c=d e#\"f^", true);
        assert_eq!(url.map(|url| url.show()), Ok("a:b?c=d%20e#%22f%5E".to_owned()));
        assert!(Url::parse("a:b c", true).is_err());
        assert!(Url::parse("a:b?c=d e", false).is_err());
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in ["a/b", "1a:b", "a:%4", "http://a:99999/", "http://[a", "file://host/a"] {
            assert!(Url::parse(text, true).is_err(), "{text}");
        }
    }
}
