//! What expressions become in the IR.

use std::fmt::Write as _;

use super::*;
use crate::heap::Kind;
use crate::ir::{NO_ID, SetCode};
use crate::source::{HOST, Origin};

/// Lowers `source` and shows the nodes, or the error with its offset.
fn lowered(source: &str) -> String {
    lowered_with(source, &[])
}

fn lowered_with(source: &str, scope: &[&str]) -> String {
    let heap = Heap::new();
    let code = Code::new();
    let settings = Settings::default();
    let directory = SourcePath::new(HOST, b"/dir");
    let origin = Origin::String(directory.clone());
    let (file, text) = code.begin_file(&heap, origin, source.as_bytes().to_vec());
    let options = syntax::Options { pipe_operators: true, ..syntax::Options::DEFAULT };
    let (tree, errors) = syntax::parse_flat(text, options);
    assert!(errors.is_empty(), "{errors:?}");
    let scope: Vec<Symbol> = scope.iter().map(|name| Symbol::intern(name.as_bytes())).collect();
    let has_or = std::cell::Cell::new(false);
    let surroundings = Surroundings {
        heap: &heap,
        code: &code,
        settings: &settings,
        file,
        directory: &directory,
        home: Some(b"/home"),
        scope: &scope,
        has_or: &has_or,
    };
    match lower(&tree, &surroundings) {
        Ok(lowered) => shown(&code, lowered.root),
        Err(error) => format!("{}: {}", error.position.offset, error.message),
    }
}

fn run(code: &Code<'_>, first: u32, count: u32) -> String {
    let ids = code.extra.slice(first, count);
    ids.iter().map(|&id| shown(code, id)).collect::<Vec<_>>().join(" ")
}

/// Shows a node with all in it; what is deferred must have been read.
pub(crate) fn shown(code: &Code<'_>, id: Id) -> String {
    let show = |id: Id| if id == NO_ID { "-".to_owned() } else { shown(code, id) };
    match *code.nodes.get(id) {
        Node::Constant(constant) => match code.constants.get(constant).kind() {
            Kind::Int(value) => value.to_string(),
            Kind::String(text) => format!("{:?}", String::from_utf8_lossy(text.bytes())),
            Kind::Path(path) => String::from_utf8_lossy(path.bytes).into_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Float(value) => format!("{value:?}"),
            Kind::Builtin(index) => crate::builtins::all()[index as usize].name.to_owned(),
            _ => "constant".to_owned(),
        },
        Node::Local { level, index } => format!("{level}.{index}"),
        Node::WithVariable { name, levels, count } => {
            format!("{name:?}{:?}", code.extra.slice(levels, count))
        }
        Node::Lambda(index) => {
            let lambda = code.lambdas.get(index);
            let mut text =
                format!("(λ{} {} {:?}", lambda.arity, lambda.frame_len, lambda.parameters);
            if let Some(name) = lambda.name {
                write!(text, " {}", name.to_text()).unwrap();
            }
            if let Some(formals) = lambda.formals {
                text.push_str(" {");
                for &index in formals.written {
                    let formal = formals.formals[index as usize];
                    write!(text, " {}@{index}={}", formal.name.to_text(), show(formal.default))
                        .unwrap();
                }
                text.push_str(if formals.has_ellipsis { " ... }" } else { " }" });
            }
            format!("{text}: {})", show(lambda.body.get()))
        }
        Node::Apply { function, arguments, count } => {
            format!("({} {})", show(function), run(code, arguments, count))
        }
        Node::Select { subject, name } => format!("{}.{}", show(subject), name.to_text()),
        Node::SelectOr { subject, name, default } => {
            format!("({}.{} or {})", show(subject), name.to_text(), show(default))
        }
        Node::SelectPath { subject, path, default } => {
            format!("({}{} or {})", show(subject), path_shown(code, path), show(default))
        }
        Node::HasAttr { subject, path } => {
            format!("({} ?{})", show(subject), path_shown(code, path))
        }
        Node::Set(index) => set_shown(code, code.sets.get(index)),
        Node::RecursiveSet(index) => format!("rec{}", set_shown(code, code.sets.get(index))),
        Node::Let { index, body } | Node::LetHere { index, body } => {
            let bindings = code.lets.get(index);
            let values: Vec<_> = bindings.values.iter().map(|it| value_shown(code, *it)).collect();
            let sources: Vec<_> = bindings.sources.iter().map(|it| show(*it)).collect();
            let kind = if matches!(code.nodes.get(id), Node::Let { .. }) { "let" } else { "here" };
            let base = bindings.base;
            format!("({kind} {base} {values:?} {sources:?} in {})", show(body)).replace('"', "")
        }
        Node::List { elements, count } => format!("[{}]", run(code, elements, count)),
        Node::With { set, body } => format!("(with {}; {})", show(set), show(body)),
        Node::If { condition, yes, no } => {
            format!("(if {} {} {})", show(condition), show(yes), show(no))
        }
        Node::Interpolate { parts, count } => format!("str({})", run(code, parts, count)),
        Node::InterpolatePath { parts, count } => format!("path({})", run(code, parts, count)),
        Node::Assert { condition, body } => format!("(assert {}; {})", show(condition), show(body)),
        Node::Deferred(deferred) => shown(code, code.read.get(deferred.place).id()),
        other => operator_shown(other, show),
    }
}

fn operator_shown(node: Node, show: impl Fn(Id) -> String) -> String {
    let (operator, lhs, rhs) = match node {
        Node::Less(lhs, rhs) => ("<", lhs, rhs),
        Node::NotLess(lhs, rhs) => return format!("!({} < {})", show(lhs), show(rhs)),
        Node::Not(operand) => return format!("!{}", show(operand)),
        Node::Subtract(lhs, rhs) => ("-", lhs, rhs),
        Node::Add(lhs, rhs) => ("+", lhs, rhs),
        Node::Multiply(lhs, rhs) => ("*", lhs, rhs),
        Node::Divide(lhs, rhs) => ("/", lhs, rhs),
        Node::And(lhs, rhs) => ("&&", lhs, rhs),
        Node::Or(lhs, rhs) => ("||", lhs, rhs),
        Node::Implies(lhs, rhs) => ("->", lhs, rhs),
        Node::Equal(lhs, rhs) => ("==", lhs, rhs),
        Node::NotEqual(lhs, rhs) => ("!=", lhs, rhs),
        Node::Update(lhs, rhs) => ("//", lhs, rhs),
        Node::Concat(lhs, rhs) => ("++", lhs, rhs),
        other => return format!("{other:?}"),
    };
    format!("({} {operator} {})", show(lhs), show(rhs))
}

fn path_shown(code: &Code<'_>, path: u32) -> String {
    let count = *code.extra.get(path);
    let entries = code.extra.slice(path + 1, 2 * count).chunks(2);
    entries
        .map(|entry| match PathEntry::decode(entry[0], entry[1]) {
            PathEntry::Static(name) => format!(".{}", name.to_text()),
            PathEntry::Dynamic(id) => format!(".${{{}}}", shown(code, id)),
        })
        .collect()
}

fn value_shown(code: &Code<'_>, value: SetValue) -> String {
    match value {
        SetValue::Own(id) => shown(code, id),
        SetValue::Outer(id) => format!("^{}", shown(code, id)),
        SetValue::Inherited(id) => format!("~{}", shown(code, id)),
    }
}

/// Shows a set by name, since the order of symbols depends on what ran before.
fn set_shown(code: &Code<'_>, set: &SetCode<'_>) -> String {
    assert_eq!(set.positions.len(), set.values.len());
    let names = set.shape.names().iter().map(|name| name.to_text());
    let mut attrs: Vec<String> = names
        .zip(set.values)
        .map(|(name, value)| format!("{name}={}", value_shown(code, *value)))
        .collect();
    attrs.sort();
    attrs.extend(set.sources.iter().map(|id| format!("({})", shown(code, *id))));
    attrs.extend(
        set.dynamic
            .iter()
            .map(|attr| format!("${{{}}}={}", shown(code, attr.name), shown(code, attr.value))),
    );
    format!("{{{}}}", attrs.join(" "))
}

#[test]
fn curried_lambdas_and_the_let_of_their_body_share_a_frame() {
    assert_eq!(
        lowered("a: b: let c = a; d = c; in if a then b else let e = d; in e"),
        "(λ2 5 [Some(\"a\"), Some(\"b\")]: (here 2 [0.0, 0.2] [] in \
         (if 0.0 0.1 (here 4 [0.3] [] in 0.4))))"
    );
    assert_eq!(
        lowered("s: { formal-1 ? formal-2, formal-2, ... }@t: x: [ s formal-1 formal-2 t x ]"),
        "(λ2 4 [Some(\"s\"), Some(\"t\")] { formal-1@1=0.2 formal-2@0=- ... }: \
         (λ1 1 [Some(\"x\")]: [1.0 1.3 1.2 1.1 0.0]))"
    );
    assert_eq!(
        lowered("{ f = x: let inherit x; in x; }"),
        "{f=(λ1 2 [Some(\"x\")] f: \
         (here 1 [^0.0] [] in 0.1))}"
    );
}

#[test]
fn a_let_of_its_own_has_a_frame_and_slots_for_sources() {
    assert_eq!(
        lowered("x: [ (let inherit (x.y) a b; inherit x; in [ a b x ]) ]"),
        "(λ1 1 [Some(\"x\")]: [(let 0 [0.3.a, 0.3.b, ^0.0] [0.2.y] in [0.0 0.1 0.2])])"
    );
}

#[test]
fn sets_merge_and_say_what_is_defined_twice() {
    assert_eq!(lowered("{ a.b = 1; a = rec { c = 2; d = 3; }; }"), "{a={b=1 c=2 d=3}}");
    assert_eq!(lowered("{ a = rec { b = 1; }; a.c.d = 2; }"), "{a=rec{b=1 c={d=2}}}");
    assert_eq!(
        lowered("{ a.b = 1; x = y; a.b = 2; }"),
        "18: attribute 'a.b' already defined at «string»:1:3"
    );
    assert_eq!(
        lowered("{ a = { ${\"b\"} = 1; }; a = { b.c = 2; }; }"),
        "29: attribute 'a.b' already defined at «string»:1:9"
    );
}

#[test]
fn inheriting_needs_a_frame_only_for_what_is_no_variable() {
    assert_eq!(lowered("s: { inherit (s) a; }"), "(λ1 1 [Some(\"s\")]: {a=0.0.a})");
    assert_eq!(
        lowered("s: { inherit (s s) a; b = s; inherit s; }"),
        "(λ1 1 [Some(\"s\")]: {a=~0.0.a b=0.0 s=0.0 ((0.0 0.0))})"
    );
    assert_eq!(
        lowered("s: rec { inherit s; ${s} = 1; }"),
        "(λ1 1 [Some(\"s\")]: \
         rec{s=^0.0 ${0.0}=1})"
    );
}

#[test]
fn variables_are_lexical_then_global_then_of_a_with() {
    assert_eq!(
        lowered("[ true builtins.add (builtins.add or 1) ]"),
        "[true add (Builtins.add or 1)]"
    );
    assert_eq!(
        lowered("x: with x; with x; [ x y true ]"),
        "(λ1 1 [Some(\"x\")]: \
         (with 0.0; (with 1.0; [2.0 \"y\"[0, 1] true])))"
    );
    assert_eq!(lowered("[ __add __nixPath ]"), "[add Builtins.nixPath]");
    assert_eq!(lowered("[ 1 nothing ]"), "4: undefined variable 'nothing'");
    assert_eq!(lowered_with("[ y (z: x) ]", &["x", "y"]), "[0.1 (λ1 1 [Some(\"z\")]: 1.0)]");
}

#[test]
fn operators_are_variables() {
    assert_eq!(
        lowered("a: b: [ (a > b) (a <= b) (a - b) (-a) (-1) ]"),
        "(λ2 2 [Some(\"a\"), \
         Some(\"b\")]: [(0.1 < 0.0) !(0.1 < 0.0) (0.0 - 0.1) (0 - 0.0) (0 - 1)])"
    );
    assert_eq!(lowered("__sub: 2 - 1"), "(λ1 1 [Some(\"__sub\")]: (0.0 2 1))");
    assert_eq!(lowered("f: x: x |> f"), "(λ2 2 [Some(\"f\"), Some(\"x\")]: (0.0 0.1))");
    assert_eq!(lowered("f: (f 1) 2"), "(λ1 1 [Some(\"f\")]: (0.0 1 2))");
}

#[test]
fn literals_are_constants_or_parts() {
    assert_eq!(
        lowered("[ ./a/../b /c ~/d \"x\\n\" ''\n  y'' ]"),
        "[/dir/b /c /home/d \"x\\n\" \"y\"]"
    );
    assert_eq!(
        lowered("v: [ \"${v}\" ./a/${v}/b \"p${v}q\" ]"),
        "(λ1 1 [Some(\"v\")]: \
         [str(0.0) path(/dir/a \"/\" 0.0 \"/b\") str(\"p\" 0.0 \"q\")])"
    );
}

#[test]
fn attribute_paths_of_several_names_are_one_node() {
    assert_eq!(
        lowered("s: [ s.a.b (s.a or 1) s.${s} (s ? \"a\".b) ]"),
        "(λ1 1 [Some(\"s\")]: [(0.0.a.b or -) (0.0.a or 1) (0.0.${0.0} or -) (0.0 ?.a.b)])"
    );
}
