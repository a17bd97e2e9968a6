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
    assert!(slot.claim() && !slot.claim());
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
