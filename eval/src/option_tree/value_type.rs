//! Which values an option takes, as plain data, and whether a literal is one of them.
//!
//! A type is not believed by its name: its own `check` was asked about one value of every kind.
//! What that leaves open counts as taken, so that a literal is only called wrong where the module
//! system would say so, too.

use serde::{Deserialize, Serialize};
use syntax::{FlatNode, SyntaxKind, TextRange};

use crate::module_bindings::{is_transparent_call, merges_list};

/// The kinds of values that types tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ValueKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// An integer.
    Int,
    /// A floating point number.
    Float,
    /// A string that says nothing of a path.
    String,
    /// `""`
    EmptyString,
    /// A string that begins with `/`.
    AbsolutePath,
    /// A path.
    Path,
    /// A list.
    List,
    /// A set.
    Set,
    /// A function.
    Function,
}

impl ValueKind {
    /// All kinds.
    pub const ALL: [ValueKind; 11] = [
        ValueKind::Null,
        ValueKind::Bool,
        ValueKind::Int,
        ValueKind::Float,
        ValueKind::String,
        ValueKind::EmptyString,
        ValueKind::AbsolutePath,
        ValueKind::Path,
        ValueKind::List,
        ValueKind::Set,
        ValueKind::Function,
    ];

    /// Returns the kind in words: `a string`.
    pub fn words(self) -> &'static str {
        match self {
            ValueKind::Null => "null",
            ValueKind::Bool => "a boolean",
            ValueKind::Int => "an integer",
            ValueKind::Float => "a floating point number",
            ValueKind::String | ValueKind::AbsolutePath => "a string",
            ValueKind::EmptyString => "an empty string",
            ValueKind::Path => "a path",
            ValueKind::List => "a list",
            ValueKind::Set => "a set",
            ValueKind::Function => "a function",
        }
    }
}

/// A set of [`ValueKind`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueKinds(u16);

impl ValueKinds {
    /// Every kind.
    pub const ALL: ValueKinds = ValueKinds(u16::MAX);

    /// Returns the set with these bits, as [`bits`](ValueKinds::bits) gives them.
    pub fn from_bits(bits: u16) -> ValueKinds {
        ValueKinds(bits)
    }

    /// Returns the set as bits, for keeping it elsewhere.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Whether a kind is in the set.
    pub fn contains(self, kind: ValueKind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }

    /// Removes a kind.
    pub fn remove(&mut self, kind: ValueKind) {
        self.0 &= !(1 << kind as u16);
    }
}

/// The values that an option takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueType {
    /// The kinds of values.
    pub kinds: ValueKinds,
    /// The least and the greatest integer.
    pub range: Option<(i64, i64)>,
    /// All values there are, as Nix text.
    pub values: Option<Vec<String>>,
    /// The type of each element of a list or set.
    pub element: Option<Box<ValueType>>,
    /// The types that it is one of.
    pub alternatives: Vec<ValueType>,
}

impl Default for ValueType {
    fn default() -> ValueType {
        ValueType {
            kinds: ValueKinds::ALL,
            range: None,
            values: None,
            element: None,
            alternatives: Vec::new(),
        }
    }
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The bytes of the wrong part.
    pub range: TextRange,
    /// What is wrong.
    pub kind: MismatchKind,
}

/// The ways in which a value can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MismatchKind {
    /// It is of a kind that the type does not take.
    Kind(ValueKind),
    /// It is an integer outside of the least and the greatest.
    Range(i64, i64),
    /// It is none of these.
    Value(Vec<String>),
}

impl ValueType {
    /// Whether nothing is known of it.
    pub fn is_unknown(&self) -> bool {
        *self == ValueType::default()
    }

    /// Reports what is certainly wrong in an expression that is the value of an option.
    pub fn check(&self, node: FlatNode<'_>, found: &mut Vec<Mismatch>) {
        match node.kind() {
            SyntaxKind::Paren => node.expressions().for_each(|it| self.check(it, found)),
            SyntaxKind::LetIn | SyntaxKind::WithExpr | SyntaxKind::AssertExpr => {
                node.expressions().last().into_iter().for_each(|it| self.check(it, found));
            }
            SyntaxKind::IfElse => {
                node.expressions().skip(1).for_each(|it| self.check(it, found));
            }
            SyntaxKind::Apply if is_transparent_call(node) => self.check_call(node, found),
            _ => match self.mismatch(node) {
                Some(mismatch) => found.push(mismatch),
                None => self.check_elements(node, found),
            },
        }
    }

    /// Checks the elements of a list or a set of one type.
    fn check_elements(&self, node: FlatNode<'_>, found: &mut Vec<Mismatch>) {
        let kind = match node.kind() {
            SyntaxKind::List => ValueKind::List,
            SyntaxKind::AttrSet => ValueKind::Set,
            _ => return,
        };
        if !self.alternatives.is_empty() {
            let mut takers = self.alternatives.iter().filter(|it| it.kinds.contains(kind));
            if let (Some(only), None) = (takers.next(), takers.next()) {
                only.check_elements(node, found);
            }
            return;
        }
        let Some(element) = &self.element else { return };
        if kind == ValueKind::List {
            node.expressions().for_each(|it| element.check(it, found));
            return;
        }
        for entry in node.children().filter(|it| it.kind() == SyntaxKind::Binding) {
            let length = entry.child(SyntaxKind::Attrpath).map_or(0, |it| it.children().count());
            let value = entry.expressions().next();
            if let (1, Some(value)) = (length, value) {
                element.check(value, found);
            }
        }
    }

    fn check_call(&self, node: FlatNode<'_>, found: &mut Vec<Mismatch>) {
        let Some(last) = node.children().last() else { return };
        if merges_list(node) {
            if last.kind() == SyntaxKind::List {
                last.expressions().for_each(|it| self.check(it, found));
            }
            return;
        }
        self.check(last, found);
    }

    /// Returns what is certainly wrong with a literal.
    fn mismatch(&self, node: FlatNode<'_>) -> Option<Mismatch> {
        let literal = Literal::of(node)?;
        let whole = |kind| Some(Mismatch { range: node.range(), kind });
        if !literal.kinds.iter().any(|&kind| self.kinds.contains(kind)) {
            return whole(MismatchKind::Kind(*literal.kinds.first()?));
        }
        if !self.alternatives.is_empty() {
            return self.mismatch_of_all(node, &literal);
        }
        if let Some(values) = &self.values {
            let text = literal.text.as_ref()?;
            let is_one = values.contains(text);
            return (!is_one).then(|| whole(MismatchKind::Value(values.clone())))?;
        }
        if let (Some((least, greatest)), Some(number)) = (self.range, literal.number) {
            let is_inside = (least..=greatest).contains(&number);
            return (!is_inside).then(|| whole(MismatchKind::Range(least, greatest)))?;
        }
        None
    }

    /// Returns what is wrong with a literal that none of the alternatives takes.
    fn mismatch_of_all(&self, node: FlatNode<'_>, literal: &Literal) -> Option<Mismatch> {
        let mut nearest: Option<Mismatch> = None;
        let mut values: Vec<String> = Vec::new();
        for alternative in &self.alternatives {
            let mismatch = alternative.mismatch(node)?;
            match &mismatch.kind {
                MismatchKind::Value(more) => values.extend(more.iter().cloned()),
                MismatchKind::Range(..) => nearest = Some(mismatch),
                MismatchKind::Kind(_) => nearest = nearest.or(Some(mismatch)),
            }
        }
        if values.is_empty() {
            return nearest;
        }
        if self.kinds.contains(ValueKind::Null) {
            values.push("null".to_owned());
        }
        let is_text = literal.kinds.contains(&ValueKind::String);
        let kind = MismatchKind::Value(values);
        if is_text { Some(Mismatch { range: node.range(), kind }) } else { nearest }
    }
}

/// What a literal says of its value.
struct Literal {
    /// The kinds that it may be of; several where an interpolation decides.
    kinds: Vec<ValueKind>,
    /// Its value as Nix text, where it is a constant.
    text: Option<String>,
    /// Its value as an integer.
    number: Option<i64>,
}

impl Literal {
    fn of(node: FlatNode<'_>) -> Option<Literal> {
        let one = |kind| Some(Literal { kinds: vec![kind], text: None, number: None });
        match node.kind() {
            SyntaxKind::Variable => {
                let kind = match node.text() {
                    b"true" | b"false" => ValueKind::Bool,
                    b"null" => ValueKind::Null,
                    _ => return None,
                };
                let text = Some(String::from_utf8_lossy(node.text()).into_owned());
                Some(Literal { kinds: vec![kind], text, number: None })
            }
            SyntaxKind::Literal => Literal::number(node.text(), false),
            SyntaxKind::UnaryOp => {
                let operand = node.expressions().next()?;
                let is_negation = node.text().first() == Some(&b'-');
                (is_negation && operand.kind() == SyntaxKind::Literal)
                    .then(|| Literal::number(operand.text(), true))?
            }
            SyntaxKind::String => Literal::string(node),
            SyntaxKind::Path => one(ValueKind::Path),
            SyntaxKind::List => one(ValueKind::List),
            SyntaxKind::AttrSet => one(ValueKind::Set),
            SyntaxKind::Lambda => one(ValueKind::Function),
            _ => None,
        }
    }

    fn number(text: &[u8], is_negative: bool) -> Option<Literal> {
        let text = std::str::from_utf8(text).ok()?;
        match text.parse::<i64>() {
            Ok(number) => {
                let number = if is_negative { number.checked_neg()? } else { number };
                let text = Some(number.to_string());
                Some(Literal { kinds: vec![ValueKind::Int], text, number: Some(number) })
            }
            Err(_) => {
                let kinds = vec![ValueKind::Float];
                text.parse::<f64>().ok().map(|_| Literal { kinds, text: None, number: None })
            }
        }
    }

    fn string(node: FlatNode<'_>) -> Option<Literal> {
        let kinds =
            |kinds: &[ValueKind]| Some(Literal { kinds: kinds.to_vec(), text: None, number: None });
        let source = node.text();
        if node.first_child().is_some() {
            // The first character decides, and an interpolation may be anything.
            return match source {
                [b'"', b'/', ..] => kinds(&[ValueKind::AbsolutePath]),
                [b'"', b'$', ..] | [b'\'', ..] => {
                    kinds(&[ValueKind::String, ValueKind::EmptyString, ValueKind::AbsolutePath])
                }
                _ => kinds(&[ValueKind::String]),
            };
        }
        let Some(inner) = source.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\"")) else {
            return kinds(&[ValueKind::String, ValueKind::EmptyString, ValueKind::AbsolutePath]);
        };
        let kind = match inner.first() {
            None => ValueKind::EmptyString,
            Some(b'/') => ValueKind::AbsolutePath,
            Some(_) => ValueKind::String,
        };
        // A string with escapes may equal a value that is written differently.
        let text = (!inner.contains(&b'\\')).then(|| String::from_utf8_lossy(source).into_owned());
        Some(Literal { kinds: vec![kind], text, number: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ty: &ValueType, text: &str) -> Vec<MismatchKind> {
        let (tree, _) = syntax::parse_flat(text.as_bytes(), syntax::Options::default());
        let mut found = Vec::new();
        ty.check(tree.root().expressions().next().expect("an expression"), &mut found);
        found.into_iter().map(|it| it.kind).collect()
    }

    fn only(kinds: &[ValueKind]) -> ValueType {
        let mut ty = ValueType::default();
        for kind in ValueKind::ALL.into_iter().filter(|it| !kinds.contains(it)) {
            ty.kinds.remove(kind);
        }
        ty
    }

    #[test]
    fn literals_are_judged_and_nothing_else() {
        let ty = only(&[ValueKind::Bool]);
        assert_eq!(check(&ty, "\"yes\""), [MismatchKind::Kind(ValueKind::String)]);
        assert_eq!(check(&ty, "lib.mkDefault 1"), [MismatchKind::Kind(ValueKind::Int)]);
        assert_eq!(check(&ty, "if x then 1 else true"), [MismatchKind::Kind(ValueKind::Int)]);
        for right in ["true", "x", "f 1", "a.b", "!x", "lib.mkIf 1 true"] {
            assert_eq!(check(&ty, right), [], "{right}");
        }
    }

    #[test]
    fn values_and_ranges_are_those_of_the_type() {
        let mut port = only(&[ValueKind::Int]);
        port.range = Some((0, 65535));
        assert_eq!(check(&port, "70000"), [MismatchKind::Range(0, 65535)]);
        assert_eq!(check(&port, "-1"), [MismatchKind::Range(0, 65535)]);
        assert_eq!(check(&port, "80"), []);
        let mut level = only(&[ValueKind::String]);
        level.values = Some(vec!["\"info\"".to_owned()]);
        assert_eq!(check(&level, "\"info\""), []);
        assert_eq!(check(&level, "\"inf${x}\""), []);
        assert_eq!(check(&level, "\"loud\""), [MismatchKind::Value(vec!["\"info\"".to_owned()])]);
        let mut either = only(&[ValueKind::Int, ValueKind::String]);
        either.alternatives = vec![port, level];
        assert_eq!(check(&either, "\"loud\""), [MismatchKind::Value(vec!["\"info\"".to_owned()])]);
        assert_eq!(check(&either, "70000"), [MismatchKind::Range(0, 65535)]);
        assert_eq!(check(&either, "80"), []);
    }
}
