//! Asking a type which values it takes: its own `check`, with one value of each kind.

use super::collect::Collector;
use super::value_type::{ValueKind, ValueKinds, ValueType};
use crate::error::Result;
use crate::heap::{Attrs, Lazy, Value};
use crate::source::{HOST, Origin, SourcePath};

/// The deepest nesting of types that is looked into.
const DEPTH_MAX: u32 = 6;

/// The types of the module library whose strings are all alike: where `"a"` is refused, every
/// string is.
const PLAIN: [&str; 30] = [
    "bool",
    "boolByOr",
    "int",
    "intBetween",
    "positiveInt",
    "unsignedInt",
    "unsignedInt8",
    "unsignedInt16",
    "unsignedInt32",
    "signedInt8",
    "signedInt16",
    "signedInt32",
    "float",
    "numberBetween",
    "number",
    "str",
    "string",
    "nonEmptyStr",
    "separatedString",
    "path",
    "attrs",
    "attrsOf",
    "lazyAttrsOf",
    "loaOf",
    "listOf",
    "submodule",
    "functionTo",
    "singleLineStr",
    "pathInStore",
    "attrsWith",
];

/// The types whose strings have to have a form.
const PATTERNS: [&str; 1] = ["strMatching"];

impl<'h> Collector<'_, 'h> {
    /// Returns the values that a type takes.
    pub(super) fn value_type(&mut self, ty: Attrs<'h>, depth: u32) -> Result<ValueType> {
        if depth > DEPTH_MAX {
            return Ok(ValueType::default());
        }
        // Most options share their types: a type is its slots.
        let key = ty.named(b"check").map(|slot| std::ptr::from_ref(slot).addr());
        if let Some(known) = key.and_then(|key| self.value_types.get(&key)) {
            return Ok(known.clone());
        }
        let found = self.sampled(ty, depth)?;
        if let Some(key) = key {
            self.value_types.insert(key, found.clone());
        }
        Ok(found)
    }

    fn sampled(&mut self, ty: Attrs<'h>, depth: u32) -> Result<ValueType> {
        let name = self.text(ty, "name")?.unwrap_or_default();
        let mut found = ValueType::default();
        match name.as_str() {
            "enum" => {
                let values = self.enumeration(ty)?;
                self.sample(ty, &mut found)?;
                // A list of which a value could not be shown says nothing of the others.
                if !values.is_empty() && values.iter().all(|it| !it.contains('…')) {
                    for kind in [ValueKind::String, ValueKind::EmptyString] {
                        found.kinds = with(found.kinds, kind);
                    }
                    found.kinds = with(found.kinds, ValueKind::AbsolutePath);
                    found.kinds = with(found.kinds, ValueKind::Int);
                    found.values = Some(values);
                }
            }
            "nullOr" | "either" | "oneOf" | "uniq" | "unique" | "coercedTo" => {
                self.sampled_alternatives(ty, &name, depth, &mut found)?;
            }
            name if PLAIN.contains(&name) => {
                self.sample(ty, &mut found)?;
                found.range = self.range(ty, name)?;
                if matches!(name, "listOf" | "attrsOf" | "lazyAttrsOf" | "loaOf" | "attrsWith") {
                    found.element = self.element_type(ty, depth)?;
                }
            }
            name if PATTERNS.contains(&name) => {
                self.sample(ty, &mut found)?;
                let strings = [ValueKind::String, ValueKind::EmptyString, ValueKind::AbsolutePath];
                found.kinds = strings.into_iter().fold(found.kinds, with);
            }
            _ => {}
        }
        Ok(found)
    }

    fn element_type(&mut self, ty: Attrs<'h>, depth: u32) -> Result<Option<Box<ValueType>>> {
        let Some(element) = self.inner_types(ty)?.first().copied() else { return Ok(None) };
        let found = self.value_type(element, depth + 1)?;
        Ok((!found.is_unknown()).then(|| Box::new(found)))
    }

    /// A type that is one of others takes what any of them takes; one that is unknown takes all.
    fn sampled_alternatives(
        &mut self,
        ty: Attrs<'h>,
        name: &str,
        depth: u32,
        found: &mut ValueType,
    ) -> Result<()> {
        let inner = self.inner_types(ty)?;
        let complete = match name {
            "nullOr" | "uniq" | "unique" => 1,
            _ => 2,
        };
        if inner.len() != complete {
            return Ok(());
        }
        let mut alternatives = Vec::new();
        let mut bits = 0;
        for inner in inner {
            let alternative = self.value_type(inner, depth + 1)?;
            bits |= alternative.kinds.bits();
            alternatives.push(alternative);
        }
        if alternatives.iter().any(ValueType::is_unknown) {
            return Ok(());
        }
        found.kinds = ValueKinds::from_bits(bits);
        if name == "nullOr" {
            found.kinds = with(found.kinds, ValueKind::Null);
            alternatives.push(null_only());
        }
        found.alternatives = alternatives;
        Ok(())
    }

    /// Removes the kinds of which the type's own `check` refuses every sample.
    fn sample(&mut self, ty: Attrs<'h>, found: &mut ValueType) -> Result<()> {
        let Some(check) = self.get(ty, "check")? else { return Ok(()) };
        let heap = self.eval.heap();
        let string = |text: &[u8]| Value::string_from(heap, text);
        let texts: [&[u8]; 3] = [b"x: x", b"[ null ]", b"{ a = null; }"];
        let [identity, list, set] = texts.map(|text| {
            let directory = Origin::String(SourcePath::new(HOST, b"/"));
            self.eval.evaluate(directory, text).ok()
        });
        let samples = [
            (ValueKind::Null, Some(Value::NULL)),
            (ValueKind::Bool, Some(Value::bool(true))),
            (ValueKind::Float, Some(Value::float(1.5))),
            (ValueKind::String, Some(string(b"a"))),
            (ValueKind::EmptyString, Some(string(b""))),
            (ValueKind::AbsolutePath, Some(string(b"/a"))),
            (ValueKind::Path, Some(Value::path(heap, HOST, b"/a"))),
            (ValueKind::List, Some(Value::list(&[]))),
            (ValueKind::List, list),
            (ValueKind::Set, Some(Value::attrs(Attrs::empty(heap)))),
            (ValueKind::Set, set),
            (ValueKind::Function, identity),
        ];
        let mut taken = ValueKinds::from_bits(0);
        let mut refused = Vec::new();
        for (kind, sample) in samples {
            let Some(sample) = sample else { continue };
            if self.refuses(check, sample)? {
                refused.push(kind);
            } else {
                taken = with(taken, kind);
            }
        }
        for kind in refused.into_iter().filter(|it| !taken.contains(*it)) {
            found.kinds.remove(kind);
        }
        let numbers = [0, 1, 7, 100, 1_000_000, -1];
        let mut takes_number = false;
        for number in numbers {
            takes_number |= !self.refuses(check, Value::int(number))?;
        }
        if !takes_number {
            found.kinds.remove(ValueKind::Int);
        }
        Ok(())
    }

    fn refuses(&mut self, check: Value<'h>, sample: Value<'h>) -> Result<bool> {
        let called = self.eval.call(check, &[Lazy::from(sample)]);
        let answer = super::collect::caught(self.eval, called)?;
        Ok(answer.and_then(Value::as_bool) == Some(false))
    }

    /// Returns the least and the greatest integer, if the type's own `check` agrees with them.
    fn range(&mut self, ty: Attrs<'h>, name: &str) -> Result<Option<(i64, i64)>> {
        let range = match name {
            "unsignedInt" => (0, i64::MAX),
            "positiveInt" => (1, i64::MAX),
            name if name.contains("Int") || name == "intBetween" => {
                let description = self.text(ty, "description")?.unwrap_or_default();
                match between(&description) {
                    Some(range) => range,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let Some(check) = self.get(ty, "check")? else { return Ok(None) };
        let (least, greatest) = range;
        for inside in [least, greatest] {
            if self.refuses(check, Value::int(inside))? {
                return Ok(None);
            }
        }
        let outside = [least.checked_sub(1), greatest.checked_add(1)];
        for outside in outside.into_iter().flatten() {
            if !self.refuses(check, Value::int(outside))? {
                return Ok(None);
            }
        }
        Ok(Some(range))
    }
}

fn with(kinds: ValueKinds, kind: ValueKind) -> ValueKinds {
    ValueKinds::from_bits(kinds.bits() | 1 << kind as u16)
}

fn null_only() -> ValueType {
    let kinds = with(ValueKinds::from_bits(0), ValueKind::Null);
    ValueType { kinds, ..ValueType::default() }
}

/// Reads `… between 0 and 65535 (both inclusive)`.
fn between(description: &str) -> Option<(i64, i64)> {
    let (_, rest) = description.split_once("between ")?;
    let (least, rest) = rest.split_once(" and ")?;
    let greatest = rest.strip_suffix(" (both inclusive)")?;
    Some((least.parse().ok()?, greatest.parse().ok()?))
}
