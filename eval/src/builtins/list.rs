//! Lists: their elements, and functions over them.

use super::argument::Later;
use super::expect::{self, Callable, because};
use crate::builtins;
use crate::equal::equal;
use crate::error::{self, Result};
use crate::heap::{AttrsBuilder, Heap, Kind, Lazy, Mapping, MappingSource, Slot, Symbol, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::order;
use crate::source::Position;

mod sort;

builtins! {
    /// Returns the element of `list` at `index`, counted from 0.
    ///
    /// ```nix
    /// builtins.elemAt [ "a" "b" ] 1  # => "b"
    /// builtins.elemAt [ "a" ] 1
    /// # error: 'builtins.elemAt' called with index 1 on a list of size 1
    /// ```
    "elemAt"(list: Later<'h, &'h [Slot<'h>]>, index: i64) => elem_at;

    /// Returns the first element of `list`.
    ///
    /// ```nix
    /// builtins.head [ 1 2 ]  # => 1
    /// builtins.head [ ]      # error: 'builtins.head' called on an empty list
    /// ```
    "head"(list: &'h [Slot<'h>]) => head;

    /// Returns `list` without its first element.
    ///
    /// ```nix
    /// builtins.tail [ 1 2 3 ]  # => [ 2 3 ]
    /// builtins.tail [ ]        # error: 'builtins.tail' called on an empty list
    /// ```
    "tail"(list: &'h [Slot<'h>]) => tail;

    /// Returns how many elements `list` has.
    ///
    /// ```nix
    /// builtins.length [ 1 (throw "not forced") ]  # => 2
    /// builtins.length { }  # error: expected a list but found a set: { }
    /// ```
    "length"(list: &'h [Slot<'h>]) => length;

    /// Returns the list of what `function` returns for each element of `list`.
    ///
    /// It is called for an element only when that element of the result is needed.
    ///
    /// ```nix
    /// map (x: x + 1) [ 1 2 ]                          # => [ 2 3 ]
    /// builtins.length (map (x: throw "x") [ 1 2 ])    # => 2
    /// map 1 [ 1 ]   # error: expected a function but found an integer: 1
    /// map 1 [ ]     # => [ ]
    /// ```
    global "map"(function: Later<'h, Callable<'h>>, list: &'h [Slot<'h>]) => map;

    /// Returns the elements of `list` for which `predicate` returns `true`.
    ///
    /// ```nix
    /// builtins.filter (x: x > 1) [ 1 2 3 ]  # => [ 2 3 ]
    /// builtins.filter (x: 1) [ 1 ]  # error: expected a Boolean but found an integer: 1
    /// ```
    "filter"(predicate: Later<'h, Callable<'h>>, list: &'h [Slot<'h>]) => filter;

    /// Returns whether an element of `list` equals `value`.
    ///
    /// Elements after it are not forced.
    ///
    /// ```nix
    /// builtins.elem 2 [ 1 2 (throw "not forced") ]  # => true
    /// builtins.elem 2 [ 1 ]                         # => false
    /// ```
    "elem"(value: Lazy<'h>, list: &'h [Slot<'h>]) => elem;

    /// Returns the elements of all lists in `lists`, in order.
    ///
    /// ```nix
    /// builtins.concatLists [ [ 1 ] [ ] [ 2 3 ] ]  # => [ 1 2 3 ]
    /// builtins.concatLists [ 1 ]  # error: expected a list but found an integer: 1
    /// ```
    "concatLists"(lists: &'h [Slot<'h>]) => concat_lists;

    /// Returns the elements of all lists that `function` returns for the elements of `list`.
    ///
    /// ```nix
    /// builtins.concatMap (x: [ x (x * 10) ]) [ 1 2 ]  # => [ 1 10 2 20 ]
    /// builtins.concatMap (x: x) [ 1 ]  # error: expected a list but found an integer: 1
    /// ```
    "concatMap"(function: Callable<'h>, list: &'h [Slot<'h>]) => concat_map;

    /// Returns what is left when `operator` has taken in the elements of `list`, one after the
    /// other, from `start` on.
    ///
    /// Each result is forced before the next element; `start` is not.
    ///
    /// ```nix
    /// builtins.foldl' (sum: x: sum + x) 0 [ 1 2 3 ]         # => 6
    /// builtins.foldl' (sum: x: x) (throw "not forced") [ 1 ]  # => 1
    /// builtins.foldl' 1 0 [ ]  # error: expected a function but found an integer: 1
    /// ```
    "foldl'"(operator: Callable<'h>, start: Lazy<'h>, list: &'h [Slot<'h>]) => foldl;

    /// Returns whether `predicate` returns `true` for an element of `list`.
    ///
    /// Elements after it are not looked at.
    ///
    /// ```nix
    /// builtins.any (x: x > 1) [ 1 2 (throw "not forced") ]  # => true
    /// builtins.any (x: true) [ ]                            # => false
    /// ```
    "any"(predicate: Callable<'h>, list: &'h [Slot<'h>]) => any;

    /// Returns whether `predicate` returns `true` for all elements of `list`.
    ///
    /// Elements after the first for which it does not are not looked at.
    ///
    /// ```nix
    /// builtins.all (x: x > 1) [ 1 (throw "not forced") ]  # => false
    /// builtins.all (x: false) [ ]                         # => true
    /// ```
    "all"(predicate: Callable<'h>, list: &'h [Slot<'h>]) => all;

    /// Returns a list of `length` elements: what `generator` returns for 0, 1, 2, …
    ///
    /// It is called for an element only when that is needed.
    ///
    /// ```nix
    /// builtins.genList (x: x * x) 4  # => [ 0 1 4 9 ]
    /// builtins.genList (x: x) (-1)   # error: cannot create list of size -1
    /// ```
    "genList"(generator: Later<'h, Callable<'h>>, length: i64) => gen_list;

    /// Returns `list` sorted by `comparator`, which tells whether its first argument belongs
    /// before its second.
    ///
    /// Elements of which neither belongs before the other keep their order.
    ///
    /// ```nix
    /// builtins.sort builtins.lessThan [ 3 1 2 ]            # => [ 1 2 3 ]
    /// builtins.sort (a: b: a.x > b.x) [ { x = 1; } { x = 2; } ]
    /// # => [ { x = 2; } { x = 1; } ]
    /// builtins.sort builtins.lessThan [ 1 "a" ]
    /// # error: cannot compare a string with an integer; values are "a" and 1
    /// builtins.sort (a: b: 1) [ 1 2 ]  # error: expected a Boolean but found an integer: 1
    /// ```
    "sort"(comparator: Later<'h, Callable<'h>>, list: &'h [Slot<'h>]) => sort;

    /// Returns the elements of `list` in two lists: those for which `predicate` returns `true` are
    /// `right`, the others `wrong`.
    ///
    /// ```nix
    /// builtins.partition (x: x > 1) [ 1 2 3 ]  # => { right = [ 2 3 ]; wrong = [ 1 ]; }
    /// ```
    "partition"(predicate: Callable<'h>, list: &'h [Slot<'h>]) => partition;

    /// Returns the elements of `list` in a set of lists, by the name that `function` returns for
    /// each.
    ///
    /// ```nix
    /// builtins.groupBy (builtins.substring 0 1) [ "foo" "bar" "baz" ]
    /// # => { b = [ "bar" "baz" ]; f = [ "foo" ]; }
    /// builtins.groupBy (x: x) [ 1 ]  # error: expected a string but found an integer: 1
    /// ```
    "groupBy"(function: Callable<'h>, list: &'h [Slot<'h>]) => group_by;
}

/// Returns a list of these elements.
pub(super) fn list_of<'h>(heap: &'h Heap, elements: &[Lazy<'h>]) -> Value<'h> {
    let slots = heap.arena().alloc_slice_with(elements.len(), |index| Slot::new(elements[index]));
    Value::list(slots)
}

fn elem_at<'h>(
    eval: &mut Eval<'h>,
    list: Later<'h, &'h [Slot<'h>]>,
    index: i64,
) -> Result<Value<'h>> {
    let list = list.take_now(eval, 0, "elemAt")?;
    match usize::try_from(index).ok().and_then(|index| list.get(index)) {
        Some(slot) => eval.force(slot),
        None => Err(error::other(format!(
            "'builtins.elemAt' called with index {index} on a list of size {}",
            list.len()
        ))),
    }
}

fn head<'h>(eval: &mut Eval<'h>, list: &'h [Slot<'h>]) -> Result<Value<'h>> {
    match list.first() {
        Some(slot) => eval.force(slot),
        None => Err(error::other("'builtins.head' called on an empty list")),
    }
}

fn tail<'h>(_: &mut Eval<'h>, list: &'h [Slot<'h>]) -> Result<Value<'h>> {
    match list.split_first() {
        Some((_, rest)) => Ok(Value::list(rest)),
        None => Err(error::other("'builtins.tail' called on an empty list")),
    }
}

fn length<'h>(_: &mut Eval<'h>, list: &'h [Slot<'h>]) -> Result<Value<'h>> {
    Ok(Value::int(list.len() as i64))
}

fn map<'h>(
    eval: &mut Eval<'h>,
    function: Later<'h, Callable<'h>>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    if list.is_empty() {
        return Ok(Value::list(list));
    }
    let Callable(function) = function.take_now(eval, 0, "map")?;
    let heap = eval.heap();
    let mapping = Mapping::new(heap, function.into(), MappingSource::Elements(list));
    Ok(Value::list(mapping.slots(heap, list.len())))
}

fn filter<'h>(
    eval: &mut Eval<'h>,
    predicate: Later<'h, Callable<'h>>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the return value of the filtering function passed to \
                builtins.filter";
    if list.is_empty() {
        return Ok(Value::list(list));
    }
    let Callable(predicate) = predicate.take_now(eval, 0, "filter")?;
    let mut kept = Vec::with_capacity(list.len());
    for slot in list {
        let result = eval.call(predicate, &[Lazy::from_slot(slot)])?;
        if expect::boolean(eval, result, step)? {
            kept.push(Lazy::from_slot(slot));
        }
    }
    if kept.len() == list.len() {
        return Ok(Value::list(list));
    }
    Ok(list_of(eval.heap(), &kept))
}

fn elem<'h>(eval: &mut Eval<'h>, value: Lazy<'h>, list: &'h [Slot<'h>]) -> Result<Value<'h>> {
    if list.is_empty() {
        return Ok(Value::bool(false));
    }
    let value = eval.force_inner(value)?;
    for slot in list {
        let element = eval.force_inner(Lazy::from_slot(slot))?;
        if value.is_identical(element) || equal(eval, value, element)? {
            return Ok(Value::bool(true));
        }
    }
    Ok(Value::bool(false))
}

fn concat_lists<'h>(eval: &mut Eval<'h>, lists: &'h [Slot<'h>]) -> Result<Value<'h>> {
    let step = "while evaluating a value of the list passed to builtins.concatLists";
    let mut parts = Vec::with_capacity(lists.len());
    for slot in lists {
        let value = eval.force(slot)?;
        parts.push(expect::list(eval, value, step)?);
    }
    Ok(concat(eval.heap(), &parts))
}

fn concat_map<'h>(
    eval: &mut Eval<'h>,
    Callable(function): Callable<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the return value of the function passed to builtins.concatMap";
    let mut parts = Vec::with_capacity(list.len());
    for slot in list {
        let value = eval.call(function, &[Lazy::from_slot(slot)])?;
        let Some(part) = value.as_list() else {
            let info = eval.function_info(value).or_else(|| eval.function_info(function));
            let position = info.map_or(Position::NONE, |info| info.position);
            let error = super::table::wrong_type(eval, "a list", value);
            return Err(error.frame(position, error::FrameKind::Evaluator, step));
        };
        parts.push(part);
    }
    Ok(concat(eval.heap(), &parts))
}

/// Returns the elements of `parts` as one list: the very part if only one has any.
fn concat<'h>(heap: &'h Heap, parts: &[&'h [Slot<'h>]]) -> Value<'h> {
    let len = parts.iter().map(|part| part.len()).sum();
    if let Some(part) = parts.iter().find(|part| !part.is_empty() && part.len() == len) {
        return Value::list(part);
    }
    let mut elements = parts.iter().copied().flatten();
    let slots = heap.arena().alloc_slice_with(len, |_| {
        Slot::new(elements.next().map_or(Value::NULL.into(), Lazy::from_slot))
    });
    Value::list(slots)
}

fn foldl<'h>(
    eval: &mut Eval<'h>,
    Callable(operator): Callable<'h>,
    start: Lazy<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let Some((first, rest)) = list.split_first() else { return eval.force_lazy(start) };
    let mut result = eval.call(operator, &[start, Lazy::from_slot(first)])?;
    for slot in rest {
        result = eval.call(operator, &[result.into(), Lazy::from_slot(slot)])?;
    }
    Ok(result)
}

fn any<'h>(
    eval: &mut Eval<'h>,
    Callable(predicate): Callable<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the return value of the function passed to builtins.any";
    for slot in list {
        let result = eval.call(predicate, &[Lazy::from_slot(slot)])?;
        if expect::boolean(eval, result, step)? {
            return Ok(Value::bool(true));
        }
    }
    Ok(Value::bool(false))
}

fn all<'h>(
    eval: &mut Eval<'h>,
    Callable(predicate): Callable<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the return value of the function passed to builtins.all";
    for slot in list {
        let result = eval.call(predicate, &[Lazy::from_slot(slot)])?;
        if !expect::boolean(eval, result, step)? {
            return Ok(Value::bool(false));
        }
    }
    Ok(Value::bool(true))
}

fn gen_list<'h>(
    eval: &mut Eval<'h>,
    generator: Later<'h, Callable<'h>>,
    length: i64,
) -> Result<Value<'h>> {
    let Ok(len) = usize::try_from(length) else {
        return Err(error::other(format!("cannot create list of size {length}")));
    };
    let Callable(generator) = generator.take_now(eval, 0, "genList")?;
    if u32::try_from(len).is_err() {
        return Err(error::limit(format!("cannot create list of size {length}")));
    }
    eval.check_room(len.saturating_mul(size_of::<Slot<'_>>()))?;
    let heap = eval.heap();
    let mapping = Mapping::new(heap, generator.into(), MappingSource::Indices);
    Ok(Value::list(mapping.slots(heap, len)))
}

fn sort<'h>(
    eval: &mut Eval<'h>,
    comparator: Later<'h, Callable<'h>>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the return value of the sorting function passed to builtins.sort";
    if list.is_empty() {
        return Ok(Value::list(list));
    }
    let Callable(comparator) = comparator.take_now(eval, 0, "sort")?;
    let mut elements = Vec::with_capacity(list.len());
    for slot in list {
        elements.push((eval.force(slot)?, Lazy::from_slot(slot)));
    }
    let is_less_than = match comparator.kind() {
        Kind::Builtin(index) => builtins::get("lessThan").is_some_and(|less_than| {
            builtins::all().get(index as usize).is_some_and(|it| std::ptr::eq(*it, less_than))
        }),
        _ => false,
    };
    if is_less_than {
        sort_by_order(eval, &mut elements)?;
    } else {
        sort::sort(&mut elements, |(_, a), (_, b)| {
            let result = eval.call(comparator, &[a, b])?;
            expect::boolean(eval, result, step)
        })?;
    }
    let slots =
        eval.heap().arena().alloc_slice_with(elements.len(), |index| Slot::new(elements[index].1));
    Ok(Value::list(slots))
}

/// Sorts by the language's own order: without calls, and natively where all are of one type.
fn sort_by_order<'h>(eval: &mut Eval<'h>, elements: &mut [(Value<'h>, Lazy<'h>)]) -> Result<()> {
    if elements.iter().all(|(value, _)| value.as_int().is_some()) {
        elements.sort_by_key(|(value, _)| value.as_int());
        return Ok(());
    }
    if elements.iter().all(|(value, _)| value.as_string().is_some()) {
        elements.sort_by_key(|(value, _)| value.as_string().map(|string| string.bytes()));
        return Ok(());
    }
    sort::sort(elements, |(a, _), (b, _)| {
        order::less_than(eval, a, b).map_err(|error| {
            because(error, "while evaluating the ordering function passed to builtins.sort")
        })
    })
}

fn partition<'h>(
    eval: &mut Eval<'h>,
    Callable(predicate): Callable<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the return value of the partition function passed to \
                builtins.partition";
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for slot in list {
        eval.force(slot)?;
        let element = Lazy::from_slot(slot);
        let result = eval.call(predicate, &[element])?;
        let side = if expect::boolean(eval, result, step)? { &mut right } else { &mut wrong };
        side.push(element);
    }
    let heap = eval.heap();
    let mut attrs = AttrsBuilder::with_capacity(2);
    attrs.push(names().right, list_of(heap, &right));
    attrs.push(names().wrong, list_of(heap, &wrong));
    Ok(attrs.finish_value(heap))
}

fn group_by<'h>(
    eval: &mut Eval<'h>,
    Callable(function): Callable<'h>,
    list: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let step = "while evaluating the return value of the grouping function passed to \
                builtins.groupBy";
    let mut named = Vec::with_capacity(list.len());
    for slot in list {
        let element = Lazy::from_slot(slot);
        let name = eval.call(function, &[element])?;
        let name = expect::string(eval, name, step)?;
        named.push((Symbol::intern(name.bytes()), element));
    }
    let heap = eval.heap();
    let mut attrs = AttrsBuilder::default();
    for (name, group) in groups(heap, named) {
        attrs.push(name, group);
    }
    Ok(attrs.finish_value(heap))
}

/// Returns the elements of each name as a list, in order; names are in order of symbol.
pub(super) fn groups<'h>(
    heap: &'h Heap,
    mut named: Vec<(Symbol, Lazy<'h>)>,
) -> Vec<(Symbol, Value<'h>)> {
    named.sort_by_key(|(name, _)| *name);
    let chunks = named.chunk_by(|a, b| a.0 == b.0);
    let group = |chunk: &[(Symbol, Lazy<'h>)]| {
        let slots = heap.arena().alloc_slice_with(chunk.len(), |index| Slot::new(chunk[index].1));
        Some((chunk.first()?.0, Value::list(slots)))
    };
    chunks.filter_map(group).collect()
}
