//! Attribute names that the language itself gives a meaning, interned once.

use std::sync::LazyLock;

use crate::heap::Symbol;

/// Declares the names: a field each, with the text it stands for.
macro_rules! names {
    ($($(#[$doc:meta])* $field:ident = $text:literal;)*) => {
        /// The names with a meaning; see [`names`].
        pub struct Names {
            $($(#[$doc])* pub $field: Symbol,)*
        }

        static NAMES: LazyLock<Names> =
            LazyLock::new(|| Names { $($field: Symbol::intern($text.as_bytes()),)* });
    };
}

names! {
    /// `__toString`: a set with it coerces to what it returns.
    to_string = "__toString";
    /// `__functor`: a set with it can be called.
    functor = "__functor";
    /// `outPath`: a set with it coerces to it.
    out_path = "outPath";
    /// `drvPath`, of derivations.
    drv_path = "drvPath";
    /// `type`, which is `"derivation"` in derivations.
    r#type = "type";
    /// `outputs`, of derivations.
    outputs = "outputs";
    /// `outputName`, of derivations.
    output_name = "outputName";
    /// `name`.
    name = "name";
    /// `value`.
    value = "value";
    /// `key`, of `genericClosure`.
    key = "key";
    /// `path`.
    path = "path";
    /// `prefix`.
    prefix = "prefix";
    /// `version`.
    version = "version";
    /// `right`, of `partition`.
    right = "right";
    /// `wrong`, of `partition`.
    wrong = "wrong";
    /// `success`, of `tryEval`.
    success = "success";
    /// `startSet`, of `genericClosure`.
    start_set = "startSet";
    /// `operator`, of `genericClosure`.
    operator = "operator";
}

/// Returns the names with a meaning.
#[inline]
pub fn names() -> &'static Names {
    &NAMES
}
