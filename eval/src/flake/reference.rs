//! References to flakes: as text (`github:NixOS/nixpkgs`), and as attributes.
//!
//! Source: CppNix, `parseFlakeRef` and the input schemes of `libfetchers`.

mod scheme;

use std::collections::BTreeMap;

use super::url::{self, Url};
use scheme::Scheme;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attr {
    /// A string.
    Text(String),
    /// An integer.
    Number(u64),
    /// A boolean.
    Bool(bool),
}

/// The attributes of a reference.
pub type Attrs = BTreeMap<String, Attr>;

/// A reference to a flake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// How its tree is fetched; `None` for a type that is not known.
    scheme: Option<Scheme>,
    /// The attributes without `dir`.
    attrs: Attrs,
    /// The directory of the flake in its tree.
    dir: String,
}

/// Why something is no reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no URL of the kind it seems to be; it may be something else.
    Url(String),
    /// An experimental feature that it needs is not on.
    Feature(&'static str),
    /// Anything else.
    Other(String),
}

/// A result of reading a reference.
type Result<T> = std::result::Result<T, Refusal>;

/// What reading a reference has to tell beside it.
pub type Warnings = Vec<String>;

/// What a plain address of a server stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An archive with a tree: flakes are trees.
    Tree,
    /// What its name says: an archive, or a file as it is.
    Any,
}

impl Reference {
    /// Reads a reference that starts from no directory and has no fragment.
    ///
    /// # Errors
    ///
    /// What is wrong with it. `verifies` says whether commits may be verified, which is an
    /// experimental feature.
    pub fn parse(text: &str, verifies: bool) -> Result<(Reference, Warnings)> {
        Reference::parse_as(text, Form::Tree, verifies)
    }

    /// Does what [`Reference::parse`] does, where an address may stand for a file.
    ///
    /// # Errors
    ///
    /// As [`Reference::parse`].
    pub fn parse_as(text: &str, form: Form, verifies: bool) -> Result<(Reference, Warnings)> {
        let mut warnings = Warnings::new();
        let (reference, fragment) = match identifier(text) {
            Some((url, fragment)) => {
                // What looks like a name is none of a directory.
                let parsed = from_url(url, form, verifies).map_err(|refusal| match refusal {
                    Refusal::Url(words) => Refusal::Other(words),
                    other => other,
                });
                (parsed?.0, fragment)
            }
            None => match parse_url(text, form, verifies, &mut warnings) {
                Err(Refusal::Url(_)) => parse_path(text, verifies)?,
                parsed => parsed?,
            },
        };
        if !fragment.is_empty() {
            return Err(Refusal::Other(format!(
                "unexpected fragment '{fragment}' in flake reference '{text}'"
            )));
        }
        Ok((reference, warnings))
    }

    /// Reads a reference that is an address, and not short for one.
    ///
    /// # Errors
    ///
    /// As [`Reference::parse`].
    pub fn parse_address(text: &str, verifies: bool) -> Result<Reference> {
        let url = Url::parse(text, false).map_err(Refusal::Url)?;
        Ok(from_url(url, Form::Tree, verifies)?.0)
    }

    /// Makes a reference of attributes.
    ///
    /// # Errors
    ///
    /// What is wrong with them; `verifies` is as in [`Reference::parse`].
    pub fn from_attrs(mut attrs: Attrs, verifies: bool) -> Result<Reference> {
        let given = attrs.clone();
        attrs.remove("dir");
        let Some(name) = text(&attrs, "type")? else {
            return Err(Refusal::Other(
                "'type' attribute to specify input scheme is required but not provided".to_owned(),
            ));
        };
        let scheme = Scheme::find(name);
        if let Some(scheme) = scheme {
            for name in attrs.keys() {
                let is_common = matches!(name.as_str(), "type" | "__final");
                if !is_common && !scheme.attributes().contains(&name.as_str()) {
                    let scheme = scheme.name();
                    return Err(Refusal::Other(format!(
                        "input attribute '{name}' not supported by scheme '{scheme}'"
                    )));
                }
            }
            scheme.check(&mut attrs, verifies)?;
        }
        check_common(&attrs)?;
        let dir = text(&given, "dir")?.unwrap_or_default().to_owned();
        Ok(Reference { scheme, attrs, dir })
    }

    /// Returns the attributes, `dir` included.
    pub fn to_attrs(&self) -> Attrs {
        let mut attrs = self.attrs.clone();
        if !self.dir.is_empty() {
            attrs.entry("dir".to_owned()).or_insert_with(|| Attr::Text(self.dir.clone()));
        }
        attrs
    }

    /// Returns the kinds and texts of the keys that may have signed a commit.
    ///
    /// # Errors
    ///
    /// Attributes that are no keys.
    pub fn public_keys(&self) -> Result<Vec<(String, String)>> {
        scheme::public_keys(&self.attrs)
    }

    /// Writes the reference as a URL.
    ///
    /// # Errors
    ///
    /// A type that is not known, or a hash that is none.
    pub fn to_url(&self) -> Result<String> {
        let Some(scheme) = self.scheme else {
            let shown = json(&self.attrs);
            return Err(Refusal::Other(format!("cannot show unsupported input '{shown}'")));
        };
        let mut url = scheme.to_url(&self.attrs)?;
        if !self.dir.is_empty() {
            url.query.entry("dir".to_owned()).or_insert_with(|| self.dir.clone());
        }
        Ok(url.show())
    }
}

/// Reads `nixpkgs`, `nixpkgs/REF` and the like, which is short for a URL; returns that and the
/// fragment.
fn identifier(text: &str) -> Option<(Url, String)> {
    let (path, fragment) = match text.split_once('#') {
        Some((path, fragment)) => (path, fragment),
        None => (text, ""),
    };
    let (id, rest) = match path.split_once('/') {
        Some((id, rest)) => (id, Some(rest)),
        None => (path, None),
    };
    let is_in_fragment =
        |char: char| char.is_ascii_alphanumeric() || "-._~!$&'\"()*+,;=%:@/? ^".contains(char);
    let is_good = scheme::is_flake_id(id)
        && rest.is_none_or(scheme::is_ref_or_revision)
        && fragment.chars().all(is_in_fragment);
    let path: Vec<String> = path.split('/').map(str::to_owned).collect();
    let url = Url { scheme: "flake".to_owned(), path, ..Url::default() };
    is_good.then(|| (url, url::decode(fragment)))
}

fn parse_url(
    text: &str,
    form: Form,
    verifies: bool,
    warnings: &mut Warnings,
) -> Result<(Reference, String)> {
    let url = Url::parse(text, true).map_err(Refusal::Url)?;
    for name in &url.dubious {
        warnings.push(format!(
            "warning: dubious URI query '{name}' is missing equal sign '=', ignoring"
        ));
    }
    from_url(url, form, verifies)
}

/// Reads an absolute path.
fn parse_path(text: &str, verifies: bool) -> Result<(Reference, String)> {
    let relaxed = url::relaxed(text);
    let (rest, fragment) = match relaxed.split_once('#') {
        Some((rest, fragment)) => (rest, url::decode(fragment)),
        None => (relaxed.as_str(), String::new()),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, url::parse_query(query).0),
        None => (rest, BTreeMap::new()),
    };
    if !path.starts_with('/') {
        return Err(Refusal::Url(format!("flake reference '{text}' is not an absolute path")));
    }
    let mut parts: Vec<String> = vec![String::new()];
    parts.extend(path.split('/').filter(|part| !part.is_empty()).map(str::to_owned));
    if path.ends_with('/') {
        parts.push(String::new());
    }
    let url = Url {
        scheme: "path".to_owned(),
        authority: Some(url::Authority::default()),
        path: parts,
        query,
        fragment,
        dubious: Vec::new(),
    };
    from_url(url, Form::Tree, verifies)
}

fn from_url(mut url: Url, form: Form, verifies: bool) -> Result<(Reference, String)> {
    let dir = url.query.remove("dir").unwrap_or_default();
    let fragment = std::mem::take(&mut url.fragment);
    for scheme in Scheme::ALL {
        if let Some(mut attrs) = scheme.parse(&url, form)? {
            if scheme.checks_urls() {
                scheme.check(&mut attrs, verifies)?;
            }
            check_common(&attrs)?;
            return Ok((Reference { scheme: Some(scheme), attrs, dir }, fragment));
        }
    }
    let shown = url.show();
    let is_swapped =
        url::application(&url.scheme) == Some("file") && url::transport(&url.scheme) == "git";
    Err(Refusal::Other(if is_swapped {
        format!("input '{shown}' is unsupported; did you mean 'git+file' instead of 'file+git'?")
    } else {
        format!("input '{shown}' is unsupported")
    }))
}

/// Checks the attributes that all schemes have.
fn check_common(attrs: &Attrs) -> Result<()> {
    text(attrs, "ref")?;
    number(attrs, "revCount")?;
    number(attrs, "lastModified")
}

/// Returns an attribute that is a string, if it is there.
fn text<'a>(attrs: &'a Attrs, name: &str) -> Result<Option<&'a str>> {
    match attrs.get(name) {
        None => Ok(None),
        Some(Attr::Text(text)) => Ok(Some(text)),
        Some(Attr::Number(_) | Attr::Bool(_)) => {
            let shown = json(attrs);
            Err(Refusal::Other(format!("input attribute '{name}' is not a string {shown}")))
        }
    }
}

/// Returns an attribute that is a string and must be there.
fn required<'a>(attrs: &'a Attrs, name: &str) -> Result<&'a str> {
    text(attrs, name)?.ok_or_else(|| Refusal::Other(format!("input attribute '{name}' is missing")))
}

fn number(attrs: &Attrs, name: &str) -> Result<()> {
    match attrs.get(name) {
        None | Some(Attr::Number(_)) => Ok(()),
        Some(Attr::Text(_) | Attr::Bool(_)) => {
            Err(Refusal::Other(format!("input attribute '{name}' is not an integer")))
        }
    }
}

/// Returns an attribute that is a boolean, false if it is not there.
fn flag(attrs: &Attrs, name: &str) -> Result<bool> {
    match attrs.get(name) {
        None => Ok(false),
        Some(Attr::Bool(value)) => Ok(*value),
        Some(Attr::Text(_) | Attr::Number(_)) => {
            Err(Refusal::Other(format!("input attribute '{name}' is not a Boolean")))
        }
    }
}

/// Shows attributes as messages do.
fn json(attrs: &Attrs) -> String {
    let object: serde_json::Map<String, serde_json::Value> = attrs
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Attr::Text(text) => text.as_str().into(),
                Attr::Number(number) => (*number).into(),
                Attr::Bool(value) => (*value).into(),
            };
            (name.clone(), value)
        })
        .collect();
    serde_json::Value::Object(object).to_string()
}

#[cfg(test)]
mod tests;
