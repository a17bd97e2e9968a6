//! Attribute sets: their names and values, and functions over them.

use super::argument::Plain;
use super::expect::{self, Callable, because};
use super::list::{groups, list_of};
use crate::builtins;
use crate::error::{self, FrameKind, Result};
use crate::heap::attrs::Attr;
use crate::heap::{
    Attrs, AttrsBuilder, Heap, Kind, Lazy, Mapping, MappingSource, Shape, Slot, Str, Symbol, Value,
};
use crate::interpret::Eval;
use crate::names::names;
use crate::source::Position;

builtins! {
    /// Returns the names of the attributes of `set`, sorted.
    ///
    /// ```nix
    /// builtins.attrNames { y = 1; x = throw "not forced"; }  # => [ "x" "y" ]
    /// builtins.attrNames 1  # error: expected a set but found an integer: 1
    /// ```
    "attrNames"(set: Attrs<'h>) => attr_names;

    /// Returns the values of the attributes of `set`, in the order of their names.
    ///
    /// ```nix
    /// builtins.attrValues { y = 1; x = 2; }  # => [ 2 1 ]
    /// ```
    "attrValues"(set: Attrs<'h>) => attr_values;

    /// Returns the attribute called `name` of `set`.
    ///
    /// ```nix
    /// builtins.getAttr "x" { x = 1; y = throw "not forced"; }  # => 1
    /// builtins.getAttr "z" { x = 1; }                          # error: attribute 'z' missing
    /// ```
    "getAttr"(name: Plain<'h>, set: Attrs<'h>) => get_attr;

    /// Returns whether `set` has an attribute called `name`.
    ///
    /// ```nix
    /// builtins.hasAttr "x" { x = throw "not forced"; }  # => true
    /// builtins.hasAttr "y" { x = 1; }                   # => false
    /// ```
    "hasAttr"(name: Plain<'h>, set: Attrs<'h>) => has_attr;

    /// Returns where the attribute called `name` of `set` was written: a set of `file`, `line` and
    /// `column`, or null if there is no such attribute, or no file.
    ///
    /// ```nix
    /// builtins.unsafeGetAttrPos "y" { x = 1; }  # => null
    /// (builtins.unsafeGetAttrPos "x" (import (builtins.toFile "x.nix" "{ x = 1; }"))).column
    /// # => 3
    /// ```
    "unsafeGetAttrPos"(name: Plain<'h>, set: Attrs<'h>) => unsafe_get_attr_pos;

    /// Returns `set` without the attributes that the list `names` names.
    ///
    /// ```nix
    /// removeAttrs { x = 1; y = 2; } [ "x" "z" ]  # => { y = 2; }
    /// removeAttrs { } [ 1 ]  # error: expected a string but found an integer: 1
    /// ```
    global "removeAttrs"(set: Attrs<'h>, names: &'h [Slot<'h>]) => remove_attrs;

    /// Returns the set of the attributes that the elements of `list` describe: each has the `name`
    /// and the `value` of one.
    ///
    /// Of several with one name the first counts. Values stay suspended.
    ///
    /// ```nix
    /// builtins.listToAttrs [ { name = "x"; value = 1; } { name = "x"; value = 2; } ]
    /// # => { x = 1; }
    /// builtins.listToAttrs [ { value = 1; } ]   # error: attribute 'name' missing
    /// builtins.listToAttrs [ { name = "x"; } ]  # error: attribute 'value' missing
    /// ```
    "listToAttrs"(list: &'h [Slot<'h>]) => list_to_attrs;

    /// Returns the attributes of `rhs` whose names are in `lhs`, too.
    ///
    /// ```nix
    /// builtins.intersectAttrs { x = 1; y = 2; } { y = 3; z = 4; }  # => { y = 3; }
    /// ```
    "intersectAttrs"(lhs: Attrs<'h>, rhs: Attrs<'h>) => intersect_attrs;

    /// Returns the values of the attribute called `name` of those sets in `list` that have it.
    ///
    /// ```nix
    /// builtins.catAttrs "x" [ { x = 1; } { y = 2; } { x = 3; } ]  # => [ 1 3 ]
    /// ```
    "catAttrs"(name: Plain<'h>, list: &'h [Slot<'h>]) => cat_attrs;

    /// Returns the formals of `function` that takes a set: a set by name that tells whether each
    /// has a default.
    ///
    /// For a function with a plain parameter, and for a builtin, the set is empty.
    ///
    /// ```nix
    /// builtins.functionArgs ({ x, y ? 1, ... }: x)  # => { x = false; y = true; }
    /// builtins.functionArgs (x: x)                  # => { }
    /// builtins.functionArgs builtins.add            # => { }
    /// builtins.functionArgs 1                       # error: 'functionArgs' requires a function
    /// ```
    "functionArgs"(function: Value<'h>) => function_args;

    /// Returns `set` with each value replaced by what `function` returns for name and value.
    ///
    /// It is called for an attribute only when that attribute of the result is needed.
    ///
    /// ```nix
    /// builtins.mapAttrs (name: value: "${name}=${value}") { x = "a"; y = "b"; }
    /// # => { x = "x=a"; y = "y=b"; }
    /// builtins.attrNames (builtins.mapAttrs (throw "not forced") { x = 1; })  # => [ "x" ]
    /// ```
    "mapAttrs"(function: Lazy<'h>, set: Attrs<'h>) => map_attrs;

    /// Returns the set of all attributes of the sets in `list`, each with what `function` returns
    /// for its name and the list of its values.
    ///
    /// It is called for an attribute only when that attribute of the result is needed.
    ///
    /// ```nix
    /// builtins.zipAttrsWith (name: values: values) [ { x = 1; } { x = 2; y = 3; } ]
    /// # => { x = [ 1 2 ]; y = [ 3 ]; }
    /// ```
    "zipAttrsWith"(function: Callable<'h>, list: &'h [Slot<'h>]) => zip_attrs_with;
}

fn attr_names<'h>(eval: &mut Eval<'h>, set: Attrs<'h>) -> Result<Value<'h>> {
    let heap = eval.heap();
    let mut attrs = set.iter_by_name(heap);
    let slots = heap.arena().alloc_slice_with(set.len(), |_| {
        Slot::of(attrs.next().map_or(Value::NULL, |attr| name_value(heap, attr.name)))
    });
    if eval.is_observing() {
        eval.observed_names(set, slots);
    }
    Ok(Value::list(slots))
}

/// Returns a name as a string; its bytes stay where all names are.
fn name_value(heap: &Heap, name: Symbol) -> Value<'_> {
    Value::string(heap, Str::new(name.as_bytes()))
}

fn attr_values<'h>(eval: &mut Eval<'h>, set: Attrs<'h>) -> Result<Value<'h>> {
    let heap = eval.heap();
    let mut attrs = set.iter_by_name(heap);
    let slots = heap.arena().alloc_slice_with(set.len(), |_| {
        Slot::new(attrs.next().map_or(Value::NULL.into(), |attr| Lazy::from_slot(attr.slot)))
    });
    Ok(Value::list(slots))
}

fn get_attr<'h>(eval: &mut Eval<'h>, Plain(name): Plain<'h>, set: Attrs<'h>) -> Result<Value<'h>> {
    match set.named(name) {
        Some(slot) => eval.force(slot),
        None => {
            let error = error::missing_attribute(&String::from_utf8_lossy(name), Vec::new());
            Err(because(error, "in the attribute set under consideration"))
        }
    }
}

fn has_attr<'h>(_: &mut Eval<'h>, Plain(name): Plain<'h>, set: Attrs<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(set.named(name).is_some()))
}

fn unsafe_get_attr_pos<'h>(
    eval: &mut Eval<'h>,
    Plain(name): Plain<'h>,
    set: Attrs<'h>,
) -> Result<Value<'h>> {
    match Symbol::lookup(name).and_then(|name| set.attr(name)) {
        Some(attr) => Ok(eval.position_value(attr.position)),
        None => Ok(Value::NULL),
    }
}

/// Returns a set of these attributes, which are in order of symbol.
fn attrs_of<'h>(heap: &'h Heap, attrs: &[Attr<'h>]) -> Value<'h> {
    let names: Vec<Symbol> = attrs.iter().map(|attr| attr.name).collect();
    with_shape(heap, Shape::new(heap, &names), attrs)
}

/// Returns a set of these attributes, whose names are those of `shape`.
fn with_shape<'h>(heap: &'h Heap, shape: &'h Shape<'h>, attrs: &[Attr<'h>]) -> Value<'h> {
    let arena = heap.arena();
    let slots =
        arena.alloc_slice_with(attrs.len(), |index| Slot::new(Lazy::from_slot(attrs[index].slot)));
    let positions = if attrs.iter().any(|attr| attr.position.is_some()) {
        arena.alloc_slice_with(attrs.len(), |index| attrs[index].position)
    } else {
        &[]
    };
    Value::attrs(Attrs::new(heap, shape, slots, positions))
}

fn remove_attrs<'h>(
    eval: &mut Eval<'h>,
    set: Attrs<'h>,
    names: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the values of the second argument passed to builtins.removeAttrs";
    let mut removed = Vec::with_capacity(names.len());
    for slot in names {
        let name = eval.force(slot).map_err(|error| because(error, step))?;
        let name = expect::string(eval, name, step)?;
        removed.extend(Symbol::lookup(name.bytes()));
    }
    removed.sort_unstable();
    let heap = eval.heap();
    let mut kept: Vec<Attr<'h>> = Vec::with_capacity(set.len());
    let mut rest = removed.iter().peekable();
    for attr in set.iter(heap) {
        while rest.next_if(|name| **name < attr.name).is_some() {}
        if rest.peek().is_none_or(|name| **name != attr.name) {
            kept.push(attr);
        }
    }
    if kept.len() == set.len() {
        return Ok(with_shape(heap, set.shape(heap), &kept));
    }
    Ok(attrs_of(heap, &kept))
}

fn list_to_attrs<'h>(eval: &mut Eval<'h>, list: &'h [Slot<'h>]) -> Result<Value<'h>> {
    const PAIR: &str = "in a {name=...; value=...;} pair";
    let step = "while evaluating an element of the list passed to builtins.listToAttrs";
    let mut pairs: Vec<(Symbol, Attrs<'h>)> = Vec::with_capacity(list.len());
    for slot in list {
        let pair = eval.force(slot)?;
        let pair = expect::attrs(eval, pair, step)?;
        let slot = expect::attribute(pair, names().name, PAIR)?;
        let name = match slot.value().and_then(Value::as_string) {
            Some(name) if name.context().is_none() => name,
            _ => pair_name(eval, pair, slot)?,
        };
        pairs.push((Symbol::intern(name.bytes()), pair));
    }
    pairs.sort_by_key(|(name, _)| *name);
    pairs.dedup_by_key(|(name, _)| *name);
    let mut attrs = Vec::with_capacity(pairs.len());
    for (name, pair) in pairs {
        let Some(value) = pair.attr(names().value) else {
            return Err(expect::missing(names().value, PAIR));
        };
        attrs.push(Attr { name, ..value });
    }
    Ok(attrs_of(eval.heap(), &attrs))
}

/// Returns the `name` of an element of `listToAttrs`.
fn pair_name<'h>(eval: &mut Eval<'h>, pair: Attrs<'h>, slot: &'h Slot<'h>) -> Result<Str<'h>> {
    let step = "while evaluating the `name` attribute of an element of the list passed to \
                builtins.listToAttrs";
    let name = eval.force(slot).and_then(|name| crate::coerce::plain_string(eval, name));
    name.map_err(|error| {
        let position = pair.attr(names().name).map_or(Position::NONE, |attr| attr.position);
        let is_mismatch = error.kind == error::ErrorKind::Type && error.frames.is_empty();
        let error = if is_mismatch { error.at(position) } else { error };
        error.frame(position, FrameKind::Evaluator, step)
    })
}

fn intersect_attrs<'h>(eval: &mut Eval<'h>, lhs: Attrs<'h>, rhs: Attrs<'h>) -> Result<Value<'h>> {
    let heap = eval.heap();
    if lhs.len() >= rhs.len() {
        let common = rhs.iter(heap).filter(|attr| lhs.get(attr.name).is_some());
        return Ok(attrs_of(heap, &common.collect::<Vec<_>>()));
    }
    let common: Vec<Attr<'h>> = lhs.iter(heap).filter_map(|attr| rhs.attr(attr.name)).collect();
    if common.len() == lhs.len() {
        return Ok(with_shape(heap, lhs.shape(heap), &common));
    }
    Ok(attrs_of(heap, &common))
}

fn cat_attrs<'h>(
    eval: &mut Eval<'h>,
    Plain(name): Plain<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating an element in the list passed as second argument to \
                builtins.catAttrs";
    let name = Symbol::intern(name);
    let mut found = Vec::with_capacity(list.len());
    for slot in list {
        let value = eval.force(slot)?;
        let attrs = expect::attrs(eval, value, step)?;
        found.extend(attrs.get(name).map(Lazy::from_slot));
    }
    Ok(list_of(eval.heap(), &found))
}

fn function_args<'h>(eval: &mut Eval<'h>, function: Value<'h>) -> Result<Value<'h>> {
    if !matches!(function.kind(), Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_)) {
        return Err(error::other("'functionArgs' requires a function"));
    }
    if let Kind::Lambda(lambda) = function.kind()
        && let Some(known) = eval.function_args.get(&lambda.expression)
    {
        return Ok(Value::attrs(known.another(eval.heap())));
    }
    let formals = eval.function_info(function).and_then(|info| info.formals).unwrap_or_default();
    let is_lambda = matches!(function.kind(), Kind::Lambda(_));
    let stays = is_lambda.then(|| eval.heap().permanently());
    let mut attrs = AttrsBuilder::with_capacity(formals.len());
    for formal in formals {
        attrs.push_at(formal.name, Value::bool(formal.has_default), formal.position);
    }
    let result = attrs.finish(eval.heap());
    drop(stays);
    if let Kind::Lambda(lambda) = function.kind() {
        eval.function_args.insert(lambda.expression, result);
    }
    Ok(Value::attrs(result))
}

fn map_attrs<'h>(eval: &mut Eval<'h>, function: Lazy<'h>, set: Attrs<'h>) -> Result<Value<'h>> {
    let heap = eval.heap();
    let shape = set.shape(heap);
    // Behind a reference: errors name the functions of slots that hold them as the place of a
    // call, and here the oracle has none.
    let function = Lazy::reference(heap.arena().alloc(Slot::new(function)));
    let source = MappingSource::Attributes(shape, set.slots(heap));
    let slots = Mapping::new(heap, function, source).slots(heap, set.len());
    Ok(Value::attrs(Attrs::new(heap, shape, slots, &[])))
}

fn zip_attrs_with<'h>(
    eval: &mut Eval<'h>,
    Callable(function): Callable<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating a value of the list passed as second argument to \
                builtins.zipAttrsWith";
    let heap = eval.heap();
    let mut named = Vec::new();
    for slot in list {
        let value = eval.force(slot)?;
        let attrs = expect::attrs(eval, value, step)?;
        named.extend(attrs.iter(heap).map(|attr| (attr.name, Lazy::from_slot(attr.slot))));
    }
    let groups = groups(heap, named);
    let shape_names: Vec<Symbol> = groups.iter().map(|(name, _)| *name).collect();
    let slots = heap.arena().alloc_slice_with(groups.len(), |index| {
        let (name, values) = groups[index];
        let arguments = [name_value(heap, name).into(), values.into()];
        Slot::new(Lazy::apply(heap, function.into(), &arguments))
    });
    Ok(Value::attrs(Attrs::new(heap, Shape::new(heap, &shape_names), slots, &[])))
}
