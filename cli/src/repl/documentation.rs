//! `:doc`: what documents a builtin, a function, an attribute or an option.

use super::Session;
use crate::evaluation::Stop;
use crate::report::Failure;
use eval::builtins;
use eval::heap::{Attrs, Kind, Value};
use eval::inspect::{comment_before, function_comment};
use eval::print::{self, Pretty, show_position};
use eval::source::Position;
use std::fmt::Write as _;

impl<'h> Session<'_, 'h> {
    /// Prints what documents the value or the attribute that a text means.
    pub(super) fn document(&mut self, text: &str) -> Result<(), Stop> {
        let attribute = self.attribute_place(text)?;
        let value = self.evaluate(text)?;
        let found = match value.kind() {
            Kind::Builtin(index) => Some(of_builtin(builtins::at(index))),
            Kind::Partial(partial) => match partial.function.kind() {
                Kind::Builtin(index) => Some(of_builtin(builtins::at(index))),
                _ => self.of_function(partial.function),
            },
            Kind::Lambda(_) => self.of_function(value),
            Kind::Attrs(attrs) => self.of_option(attrs)?,
            Kind::Null
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::String(_)
            | Kind::Path(_)
            | Kind::List(_) => None,
        };
        let found = found.or_else(|| {
            let (name, position) = attribute?;
            let place = show_position(self.eval, position);
            let text = self.eval.source_text(position.file);
            let body = text.and_then(|text| comment_before(text, position.offset as usize));
            let body = body.unwrap_or_else(|| "No documentation found.".to_owned());
            Some(format!("Attribute {name}\n\n… defined at {place}\n\n{body}"))
        });
        match found {
            Some(text) => Ok(self.cx.ui.line(text.trim())?),
            None => Err(Failure::new("value does not have documentation").into()),
        }
    }

    /// Returns the name and the place of the attribute that a text like `a.b` selects, if it says
    /// where that is.
    fn attribute_place(&mut self, text: &str) -> Result<Option<(String, Position)>, Stop> {
        let is_name = |text: &str| {
            let inside = |char: char| char.is_ascii_alphanumeric() || "_-'".contains(char);
            !text.is_empty() && text.chars().all(inside)
        };
        let Some((base, name)) = text.rsplit_once('.') else { return Ok(None) };
        if !is_name(name) || !base.split('.').all(is_name) {
            return Ok(None);
        }
        let Some(attrs) = self.evaluate(base)?.as_attrs() else { return Ok(None) };
        let symbol = eval::heap::Symbol::intern(name.as_bytes());
        let Some(attr) = attrs.attr(symbol) else { return Ok(None) };
        Ok(attr.position.is_some().then(|| (name.to_owned(), attr.position)))
    }

    fn of_function(&self, function: Value<'h>) -> Option<String> {
        let Kind::Lambda(lambda) = function.kind() else { return None };
        let info = self.eval.lambda_info(lambda);
        let place = show_position(self.eval, info.position);
        let mut text = match info.name {
            Some(name) => format!("Function {}\n… defined at {place}\n", name.to_text()),
            None => format!("Function defined at {place}\n"),
        };
        let source = self.eval.source_text(info.position.file);
        if let Some(body) = source.and_then(|it| function_comment(it, info.position.offset)) {
            let _ = write!(text, "\n{body}");
        }
        Some(text)
    }

    /// Returns what an option of a module system says of itself; none for any other set.
    fn of_option(&mut self, attrs: Attrs<'h>) -> Result<Option<String>, Stop> {
        let kind = self.field(attrs, "_type")?.and_then(Value::as_string);
        if kind.is_none_or(|kind| kind.bytes() != b"option") {
            return Ok(None);
        }
        let mut text = match self.field(attrs, "loc")?.and_then(Value::as_list) {
            Some(location) => {
                let mut names = Vec::new();
                for slot in location {
                    let name = self.eval.force(slot)?;
                    names.extend(name.as_string().map(|name| name.to_text().into_owned()));
                }
                format!("Option {}\n", names.join("."))
            }
            None => "Option\n".to_owned(),
        };
        if let Some(described) = self.field(attrs, "description")?
            && let Some(body) = self.prose(described)?
        {
            let _ = write!(text, "\n{}\n", body.trim());
        }
        if let Some(of_type) = self.field(attrs, "type")?.and_then(Value::as_attrs)
            && let Some(described) = self.field(of_type, "description")?
            && let Some(body) = self.prose(described)?
        {
            let _ = write!(text, "\nType: {body}\n");
        }
        for (title, written, evaluated) in
            [("Default", "defaultText", "default"), ("Example", "example", "example")]
        {
            let field = match self.field(attrs, written)? {
                Some(value) => Some(value),
                None => self.field(attrs, evaluated)?,
            };
            let Some(value) = field else { continue };
            let body = match self.expression(value)? {
                Some(body) => body,
                None => {
                    let mut out = Vec::new();
                    let options =
                        Pretty { depth_max: usize::MAX, colors: false, is_one_line: false };
                    print::pretty(self.eval, value, options, &mut out)?;
                    String::from_utf8_lossy(&out).into_owned()
                }
            };
            let _ = write!(text, "\n{title}: {}\n", body.trim());
        }
        Ok(Some(text))
    }

    /// Returns a text, or the one in a set `{ _type = ...; text = ...; }`.
    fn prose(&mut self, value: Value<'h>) -> Result<Option<String>, Stop> {
        match value.as_string() {
            Some(string) => Ok(Some(string.to_text().into_owned())),
            None => self.expression(value),
        }
    }

    /// Returns the text of a value that is written rather than evaluated: `literalExpression`.
    fn expression(&mut self, value: Value<'h>) -> Result<Option<String>, Stop> {
        let Some(attrs) = value.as_attrs() else { return Ok(None) };
        if self.field(attrs, "_type")?.is_none() {
            return Ok(None);
        }
        let text = self.field(attrs, "text")?.and_then(Value::as_string);
        Ok(text.map(|text| text.to_text().into_owned()))
    }

    fn field(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<Value<'h>>, Stop> {
        match attrs.named(name.as_bytes()) {
            Some(slot) => Ok(Some(self.eval.force(slot)?)),
            None => Ok(None),
        }
    }
}

fn of_builtin(builtin: &builtins::Builtin) -> String {
    let parameters: Vec<&str> = builtin.parameters.iter().map(|parameter| parameter.name).collect();
    let (name, doc) = (builtin.name, builtin.doc.trim());
    format!("Synopsis: builtins.{name} {}\n\n{}", parameters.join(" "), unindented(doc))
}

/// Takes off the blank that each line of a documentation comment begins with.
fn unindented(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}
