//! `genericClosure`: everything that can be reached from a start, each thing once.

mod keys;

use super::expect::{self, Callable, because};
use super::table::Argument;
use crate::builtins;
use crate::error::{EvalError, Result};
use crate::heap::{Attrs, Lazy, Slot, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::order::less_than;
use crate::print;

use super::list::list_of;
use keys::Keys;

builtins! {
    /// Returns the elements of `startSet`, those that `operator` returns for each of them, those
    /// that it returns for these, and so on: each once, in the order in which they were found.
    ///
    /// Elements are sets with a `key`, which tells them apart: a number, a string, a path, or a
    /// list of such.
    ///
    /// ```nix
    /// builtins.genericClosure {
    ///   startSet = [ { key = 5; } ];
    ///   operator = x: if x.key > 2 then [ { key = x.key - 1; } { key = 5; } ] else [ ];
    /// }
    /// # => [ { key = 5; } { key = 4; } { key = 3; } { key = 2; } ]
    /// builtins.genericClosure { startSet = [ { } ]; operator = x: [ ]; }
    /// # error: attribute 'key' missing
    /// builtins.genericClosure { startSet = [ { key = 1; } { key = "a"; } ]; operator = x: [ ]; }
    /// # error: cannot compare a string with an integer; values are "a" and 1
    /// ```
    "genericClosure"(arguments: Attrs<'h>) => generic_closure;
}

fn generic_closure<'h>(eval: &mut Eval<'h>, arguments: Attrs<'h>) -> Result<Value<'h>> {
    const SET: &str = "in the attrset passed as argument to builtins.genericClosure";
    let step = "while evaluating the 'startSet' attribute passed as argument to \
                builtins.genericClosure";
    let start = eval.force(expect::attribute(arguments, names().start_set, SET)?)?;
    let start = expect::list(eval, start, step)?;
    if start.is_empty() {
        return Ok(Value::list(start));
    }
    let operator = expect::attribute(arguments, names().operator, SET)?;
    let Callable(operator) = Callable::take(eval, Lazy::from_slot(operator)).map_err(|error| {
        let step = "while evaluating the 'operator' attribute passed as argument to \
                        builtins.genericClosure";
        because(error, step)
    })?;

    let mut queue: Vec<&'h Slot<'h>> = start.iter().collect();
    let mut keys = Keys::default();
    let mut found: Vec<Lazy<'h>> = Vec::new();
    let mut next = 0;
    while let Some(&slot) = queue.get(next) {
        next += 1;
        let (element, key) = element_and_key(eval, slot)?;
        let is_new = match keys.insert(eval, key) {
            Ok(is_new) => is_new,
            Err(error) => return Err(incomparable(eval, error, element, key, &found)),
        };
        if !is_new {
            continue;
        }
        found.push(element.into());
        more(eval, operator, element, &mut queue).map_err(|error| {
            let shown = print::show(eval, element);
            let step = format!("while calling operator on genericClosure element {shown}");
            because(error, &step)
        })?;
    }
    Ok(list_of(eval.heap(), &found))
}

/// Forces an element and its key.
fn element_and_key<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<(Value<'h>, Value<'h>)> {
    let element = match eval.force(slot) {
        Ok(element) => element,
        Err(error) => return Err(because(error, "in genericClosure element «thunk»")),
    };
    let found = match expect::attrs(eval, element, "") {
        Ok(attrs) => expect::attribute(attrs, names().key, ""),
        Err(error) => Err(error),
    };
    let key = found.map_err(|error| {
        let shown = print::show(eval, element);
        because(error, &format!("in genericClosure element {shown}"))
    })?;
    Ok((element, eval.force(key)?))
}

/// Adds to `queue` what `operator` returns for `element`.
fn more<'h>(
    eval: &mut Eval<'h>,
    operator: Value<'h>,
    element: Value<'h>,
    queue: &mut Vec<&'h Slot<'h>>,
) -> Result<()> {
    let step = "while evaluating the return value of the `operator` passed to \
                builtins.genericClosure";
    let result = eval.call(operator, &[element.into()])?;
    for slot in expect::list(eval, result, step)? {
        eval.force(slot)?;
        queue.push(slot);
    }
    Ok(())
}

/// Adds to the error of a key without an order which elements were compared.
#[cold]
fn incomparable<'h>(
    eval: &mut Eval<'h>,
    error: Box<EvalError>,
    element: Value<'h>,
    key: Value<'h>,
    found: &[Lazy<'h>],
) -> Box<EvalError> {
    let shown = print::show(eval, element);
    let mut culprit: Option<(Value<'h>, Value<'h>)> = None;
    for other in found.iter().filter_map(|lazy| lazy.value()) {
        let Some(other_key) = other.as_attrs().and_then(|it: Attrs<'h>| it.get(names().key)) else {
            continue;
        };
        let Ok(other_key) = eval.force(other_key) else { continue };
        if less_than(eval, key, other_key).is_ok() {
            continue;
        }
        // The oracle looks at the smallest key first.
        let is_smaller = culprit.is_none_or(|(_, smallest)| {
            less_than(eval, other_key, smallest).is_ok_and(|is_less| is_less)
        });
        if is_smaller {
            culprit = Some((other, other_key));
        }
    }
    match culprit {
        Some((other, _)) => {
            let other = print::show(eval, other);
            let error = because(error, &format!("with element {other}"));
            because(error, &format!("while comparing element {shown}"))
        }
        None => because(error, &format!("while checking key of element {shown}")),
    }
}
