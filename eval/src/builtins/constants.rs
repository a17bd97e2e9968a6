//! The set `builtins`: the functions of all families, and the constants beside them.

use crate::embedded;
use crate::error::Result;
use crate::heap::{Attrs, AttrsBuilder, Lazy, Slot, Symbol, Value};
use crate::interpret::Eval;
use crate::names::names;

/// The version of CppNix whose language this is; nixpkgs branches on it.
pub const NIX_VERSION: &str = "2.34.8";
/// The version of the language.
const LANGUAGE_VERSION: i64 = 6;

/// One member of `builtins` that is no row of a table.
pub struct Constant {
    /// Its name in `builtins`.
    pub name: &'static str,
    /// Its type as the language calls it, with its article.
    pub type_name: &'static str,
    /// What it is, in Markdown; the examples in it are tests.
    pub doc: &'static str,
    /// Whether it is a variable without `builtins.`; otherwise it is one as `__name`.
    pub is_global: bool,
    /// Whether pure evaluations do without it.
    pub is_impure: bool,
    value: for<'h> fn(&Eval<'h>) -> Lazy<'h>,
}

/// Declares the constants.
macro_rules! constants {
    ($($(#[doc = $doc:literal])* $($word:ident)? $name:literal: $type_name:literal
       => $function:path;)*) => {
        /// All constants, by name.
        pub const CONSTANTS: &[Constant] = &[$(
            Constant {
                name: $name,
                type_name: $type_name,
                doc: concat!($($doc, "\n"),*),
                is_global: constants!(@global $($word)?),
                is_impure: constants!(@impure $($word)?),
                value: $function,
            }
        ),*];
    };
    (@global global) => { true };
    (@global $($word:ident)?) => { false };
    (@impure impure) => { true };
    (@impure $($word:ident)?) => { false };
}

constants! {
    /// The set of everything built in, itself among it.
    ///
    /// ```nix
    /// builtins ? map              # => true
    /// builtins ? builtins         # => true
    /// builtins ? not-one-of-them  # => false
    /// ```
    global "builtins": "a set" => null;

    /// The system that this evaluation is for, such as `x86_64-linux`.
    ///
    /// ```nix
    /// builtins.isString builtins.currentSystem  # => true
    /// ```
    impure "currentSystem": "a string" => current_system;

    /// When this evaluation began, in seconds since 1970.
    ///
    /// ```nix
    /// builtins.currentTime == builtins.currentTime  # => true
    /// ```
    impure "currentTime": "an integer" => current_time;

    /// Returns the derivation that a set describes: the set with the paths of its outputs, which
    /// are computed only when they are looked at.
    ///
    /// ```nix
    /// (derivation { name = "x"; system = "s"; builder = "b"; }).type  # => "derivation"
    /// (derivation { name = "x"; }).name                               # => "x"
    /// (derivation { name = "x"; }).outPath  # error: required attribute 'builder' missing
    /// ```
    global "derivation": "a function" => derivation;

    /// No.
    ///
    /// ```nix
    /// if false then 1 else 2  # => 2
    /// ```
    global "false": "a Boolean" => r#false;

    /// The version of the language.
    ///
    /// ```nix
    /// builtins.langVersion  # => 6
    /// ```
    "langVersion": "an integer" => lang_version;

    /// The search path: a list of sets with `path` and `prefix`, for `builtins.findFile`.
    ///
    /// ```nix
    /// builtins.isList builtins.nixPath  # => true
    /// ```
    "nixPath": "a list" => nix_path;

    /// The version of CppNix whose language this is.
    ///
    /// ```nix
    /// builtins.nixVersion  # => "2.34.8"
    /// ```
    "nixVersion": "a string" => nix_version;

    /// Nothing.
    ///
    /// ```nix
    /// null == false  # => false
    /// ```
    global "null": "null" => null;

    /// The directory of the store.
    ///
    /// ```nix
    /// builtins.storeDir  # => "/nix/store"
    /// ```
    "storeDir": "a string" => store_dir;

    /// Yes.
    ///
    /// ```nix
    /// if true then 1 else 2  # => 1
    /// ```
    global "true": "a Boolean" => r#true;
}

/// Returns the set `builtins` of an evaluation: the rows whose features are on, and the constants.
///
/// Call it once per evaluation: `currentTime` is the time of the call.
///
/// # Errors
///
/// None so far: constants that need evaluation are left for when they are used.
pub fn builtins_set<'h>(eval: &mut Eval<'h>) -> Result<Value<'h>> {
    let settings = eval.settings();
    let heap = eval.heap();
    let rows = super::all();
    let mut attrs = AttrsBuilder::with_capacity(rows.len() + CONSTANTS.len());
    for (builtin, index) in rows.iter().zip(0..) {
        if builtin.feature.is_none_or(|feature| settings.has_feature(feature)) {
            attrs.push_named(builtin.name, Value::builtin(index));
        }
    }
    for constant in CONSTANTS {
        if !(settings.pure && constant.is_impure) {
            attrs.push_named(constant.name, (constant.value)(eval));
        }
    }
    let set = attrs.finish(heap);
    if let Some(slot) = set.named(b"builtins") {
        slot.fill(heap, Value::attrs(set).into());
    }
    Ok(Value::attrs(set))
}

/// Returns the global variable `name` of an evaluation whose `builtins` is `set`: a global member
/// by its name, another one by `__` and its name.
pub fn global(set: Attrs<'_>, name: Symbol) -> Option<Lazy<'_>> {
    let text = std::str::from_utf8(name.as_bytes()).ok()?;
    if !super::is_global(text) {
        return None;
    }
    let slot = set.get(name).or_else(|| set.named(text.strip_prefix("__")?.as_bytes()))?;
    Some(Lazy::from_slot(slot))
}

/// Returns the constant called `name` (without `builtins.` or `__`).
pub fn get(name: &str) -> Option<&'static Constant> {
    CONSTANTS.iter().find(|constant| constant.name == name)
}

fn null<'h>(_: &Eval<'h>) -> Lazy<'h> {
    Value::NULL.into()
}

fn r#true<'h>(_: &Eval<'h>) -> Lazy<'h> {
    Value::bool(true).into()
}

fn r#false<'h>(_: &Eval<'h>) -> Lazy<'h> {
    Value::bool(false).into()
}

fn text<'h>(eval: &Eval<'h>, text: &str) -> Lazy<'h> {
    Value::string_from(eval.heap(), text.as_bytes()).into()
}

fn current_system<'h>(eval: &Eval<'h>) -> Lazy<'h> {
    text(eval, &eval.settings().system)
}

fn current_time<'h>(eval: &Eval<'h>) -> Lazy<'h> {
    Value::int(eval.system().current_time()).into()
}

fn lang_version<'h>(_: &Eval<'h>) -> Lazy<'h> {
    Value::int(LANGUAGE_VERSION).into()
}

fn nix_version<'h>(eval: &Eval<'h>) -> Lazy<'h> {
    text(eval, NIX_VERSION)
}

fn store_dir<'h>(eval: &Eval<'h>) -> Lazy<'h> {
    text(eval, eval.store().directory().as_str())
}

/// Returns the wrapper around `derivationStrict`, which is evaluated when somebody calls it.
fn derivation<'h>(eval: &Eval<'h>) -> Lazy<'h> {
    let heap = eval.heap();
    let file = embedded::derivation_wrapper();
    let file = Value::path(heap, file.root, &file.bytes);
    let import = super::index("import").map_or(Value::NULL, Value::builtin);
    Lazy::apply(heap, import.into(), &[file.into()])
}

fn nix_path<'h>(eval: &Eval<'h>) -> Lazy<'h> {
    let heap = eval.heap();
    let entries = &eval.settings().search_path;
    let slots = heap.arena().alloc_slice_with(entries.len(), |index| {
        let mut attrs = AttrsBuilder::with_capacity(2);
        if let Some((prefix, path)) = entries.get(index) {
            attrs.push(names().path, Value::string_from(heap, path));
            attrs.push(names().prefix, Value::string_from(heap, prefix));
        }
        Slot::of(attrs.finish_value(heap))
    });
    Value::list(slots).into()
}
