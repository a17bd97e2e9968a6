//! What values, slots and sets in the heap keep.

use super::*;

#[test]
fn values_come_back_as_they_went_in() {
    let heap = Heap::new();
    assert_eq!(Value::int(-7).as_int(), Some(-7));
    assert_eq!(Value::bool(true).as_bool(), Some(true));
    let text = Value::string_from(&heap, b"snow");
    assert_eq!(text.as_string().map(Str::bytes), Some(&b"snow"[..]));
    let Kind::Float(float) = Value::float(1.5).kind() else { panic!("a float") };
    assert_eq!(float, 1.5);
}

#[test]
fn update_prefers_the_right_operand_also_through_layers() {
    let heap = Heap::new();
    let set = |from: i64, to: i64, offset: i64| {
        let mut builder = AttrsBuilder::default();
        for index in from..to {
            builder.push_named(&format!("n{index}"), Value::int(index + offset));
        }
        builder.finish(&heap)
    };
    let mut all = set(0, 100, 0);
    for layer in 1..20 {
        all = all.update(&heap, set(layer, layer + 3, layer * 1000));
    }
    assert_eq!(all.len(), 100);
    let expected = |index: i64| (1..20).rev().find(|l| (*l..l + 3).contains(&index)).unwrap_or(0);
    for index in 0..100 {
        let slot = all.named(format!("n{index}").as_bytes()).unwrap();
        let want = index + expected(index) * 1000;
        assert_eq!(slot.value().and_then(Value::as_int), Some(want));
    }
    let names: Vec<_> = all.iter_by_name(&heap).map(|attr| attr.name.as_bytes()).collect();
    assert!(names.is_sorted() && names.len() == 100);
}

#[test]
fn a_handed_on_slot_keeps_its_identity() {
    let heap = Heap::new();
    let env = Env::new(&heap, None, 0);
    let slot: &Slot<'_> = heap.arena().alloc(Slot::new(Lazy::thunk(3, env)));
    let other = Slot::new(Lazy::from_slot(slot));
    let SlotState::Reference(target) = other.state() else { panic!("a reference") };
    assert!(target.is_same(slot));
    slot.claim();
    assert!(matches!(slot.state(), SlotState::Blackhole));
    slot.claim();
    assert!(matches!(slot.state(), SlotState::Blackhole));
    slot.fill(&heap, Value::int(1).into());
    assert_eq!(slot.value().and_then(Value::as_int), Some(1));
}

#[test]
fn context_is_a_sorted_set() {
    let heap = Heap::new();
    let element = |text: &str| ContextElement(Symbol::intern(text.as_bytes()));
    let a = Context::new(&heap, &[element("x"), element("y"), element("x")]);
    let b = Context::new(&heap, &[element("y")]);
    assert_eq!(a.map(|it| it.elements().len()), Some(2));
    let union = Context::union(&heap, a, b);
    assert!(std::ptr::eq(union.unwrap().elements(), a.unwrap().elements()));
}

/// Returns an environment that lies above all that was allocated before.
fn frame(heap: &Heap) -> &Env<'_> {
    Env::with(heap, None, 2, |_| Value::int(1).into())
}

#[test]
fn a_region_that_comes_to_a_number_leaves_nothing() {
    let heap = Heap::new();
    let before = heap.size_bytes();
    let region = heap.begin_region();
    let _ = frame(&heap);
    assert!(heap.size_bytes() > before);
    let answer = heap.end_region(region, Value::int(7).into());
    assert_eq!(answer.into_result().ok().and_then(Value::as_int), Some(7));
    assert_eq!(heap.size_bytes(), before);
}

#[test]
fn a_string_is_all_that_its_region_leaves() {
    let heap = Heap::new();
    let element = ContextElement(Symbol::intern(b"x"));
    for context in [None, Context::new(&heap, &[element])] {
        let before = heap.size_bytes();
        let region = heap.begin_region();
        let _ = frame(&heap);
        let bytes = heap.arena().alloc_bytes(b"a text that is moved");
        let inside = context.and_then(|_| Context::new(&heap, &[element]));
        let text = Value::string(&heap, Str::with_context(bytes, inside));
        let _ = frame(&heap);
        let answer = heap.end_region(region, text.into()).into_result().expect("a value");
        let string = answer.as_string().expect("a string");
        assert_eq!(string.bytes(), b"a text that is moved");
        let found = string.context().map_or(&[][..], Context::elements);
        assert!(found.iter().eq(inside.iter().map(|_| &element)));
        assert!(heap.size_bytes() - before <= 96);
    }
}

#[test]
fn a_path_is_all_that_its_region_leaves() {
    let heap = Heap::new();
    let before = heap.size_bytes();
    let region = heap.begin_region();
    let _ = frame(&heap);
    let path = Value::path(&heap, 3, b"/a/path/that/is/moved");
    let answer = heap.end_region(region, path.into()).into_result().expect("a value");
    let Kind::Path(path) = answer.kind() else { panic!("a path") };
    assert_eq!((path.root, path.bytes), (3, &b"/a/path/that/is/moved"[..]));
    assert!(heap.size_bytes() - before <= 64);
}

#[test]
fn what_an_older_slot_leads_to_stays() {
    let heap = Heap::new();
    let slot: &Slot<'_> = heap.arena().alloc(Slot::new(Value::NULL.into()));
    let outer = heap.begin_region();
    let inner = heap.begin_region();
    let env = frame(&heap);
    slot.fill(&heap, Lazy::thunk(3, env));
    let filled = heap.size_bytes();
    let answer = heap.end_region(inner, Value::int(1).into());
    assert_eq!(heap.size_bytes(), filled);
    let _ = heap.end_region(outer, answer);
    assert_eq!(heap.size_bytes(), filled);
    let SlotState::Suspended(3, env) = slot.state() else { panic!("a thunk") };
    assert_eq!(env.slots().len(), 2);
}

#[test]
fn a_write_within_a_region_does_not_keep_it() {
    let heap = Heap::new();
    let before = heap.size_bytes();
    let region = heap.begin_region();
    let slot: &Slot<'_> = heap.arena().alloc(Slot::new(Value::NULL.into()));
    slot.fill(&heap, Lazy::thunk(3, frame(&heap)));
    let _ = heap.end_region(region, Value::NULL.into());
    assert_eq!(heap.size_bytes(), before);
}

#[test]
fn what_was_made_permanently_stays() {
    let heap = Heap::new();
    let region = heap.begin_region();
    let stays = heap.permanently();
    let bytes = heap.arena().alloc_bytes(b"stays");
    drop(stays);
    let _ = frame(&heap);
    let _ = heap.end_region(region, Value::NULL.into());
    let _ = frame(&heap);
    assert_eq!(bytes, b"stays");
}

#[test]
fn a_string_that_grew_in_place_stays_whole() {
    let heap = Heap::new();
    let first = heap.arena().append(b"0123456789", b"abcdefghij");
    let region = heap.begin_region();
    let grown = heap.arena().append(first, b"0123456789");
    let answer = heap.end_region(region, Value::string(&heap, Str::new(grown)).into());
    let _ = frame(&heap);
    let grown = answer.into_result().ok().and_then(Value::as_string).map(Str::bytes);
    assert_eq!(grown, Some(&b"0123456789abcdefghij0123456789"[..]));
}

#[test]
fn names_are_found_in_order() {
    let heap = Heap::new();
    let mut names: Vec<Symbol> =
        (0..60).map(|index| Symbol::intern(format!("o{index}").as_bytes())).collect();
    names.sort_unstable();
    let mut builder = AttrsBuilder::default();
    for (&name, index) in names.iter().zip(0..) {
        if index % 3 == 0 {
            builder.push(name, Value::int(index));
        }
    }
    let mut found = builder.finish(&heap).in_order();
    for (&name, index) in names.iter().zip(0..) {
        // Some are not asked for, so that the search has to leap.
        if !(5..=40).contains(&index) {
            let value = found.next(name).and_then(Slot::value).and_then(Value::as_int);
            assert_eq!(value, (index % 3 == 0).then_some(index));
        }
    }
}

#[test]
fn a_list_that_grows_keeps_its_elements() {
    let heap = Heap::new();
    let one = |value: i64| heap.arena().alloc_slice_with(1, |_| Slot::of(Value::int(value)));
    let numbers = |list: &[Slot<'_>]| -> Vec<i64> {
        list.iter().filter_map(|slot| slot.value_through().and_then(Value::as_int)).collect()
    };
    let (mut back, mut front) = (one(0), one(0));
    for value in 1..40 {
        let before = back;
        back = heap.concat(back, one(value));
        front = heap.concat(one(value), front);
        // Growing the same list once more goes another way.
        let fork = heap.concat(before, one(-value));
        assert_eq!(numbers(fork).last(), Some(&-value));
        assert_eq!(numbers(before), (0..value).collect::<Vec<_>>());
    }
    assert_eq!(numbers(back), (0..40).collect::<Vec<_>>());
    assert_eq!(numbers(front), (0..40).rev().collect::<Vec<_>>());
    let before = heap.size_bytes();
    for value in 40..1000 {
        back = heap.concat(back, one(value));
    }
    assert_eq!(numbers(back), (0..1000).collect::<Vec<_>>());
    assert!(heap.size_bytes() - before < 1000 * 16 * 6);
}
