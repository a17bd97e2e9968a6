//! A walk through the typed tree: what a reader of a file asks, from the outside in.

use super::*;
use crate::{Options, SyntaxNodePtr, parse};

fn file(text: &str) -> SourceFile {
    let parse = parse(text.as_bytes(), Options::DEFAULT);
    assert_eq!(parse.errors(), [], "{text}");
    parse.tree()
}

#[track_caller]
fn expr(text: &str) -> Expr {
    file(text).expr().unwrap()
}

#[test]
fn a_module_is_read_from_the_outside_in() {
    let text = "{ lib, pkgs ? null, ... }@args:\nwith lib;\n{\n  inherit (args) a \"b\";\n  \
                c.${''d''} = mkIf (!a) [ 1 ./e/${a}.nix ];\n}\n";
    let Expr::Lambda(module) = expr(text) else { panic!("a module is a function") };
    let Some(Parameter::Formals(formals)) = module.parameter() else { panic!("with formals") };
    let names: Vec<_> =
        formals.formals().map(|it| it.name().unwrap().syntax().text().to_string()).collect();
    assert_eq!(names, ["lib", "pkgs"]);
    assert_eq!(formals.formals().filter(|it| it.default().is_some()).count(), 1);
    assert!(formals.ellipsis().is_some());
    assert_eq!(formals.name().unwrap().identifier().unwrap().text(), "args");

    let Some(Expr::WithExpr(with)) = module.body() else { panic!("`with`") };
    assert_eq!(with.set().unwrap().syntax().text(), "lib");
    let Some(Expr::AttrSet(set)) = with.body() else { panic!("a set") };
    assert!(set.rec_token().is_none());
    let entries: Vec<Entry> = set.entries().collect();
    let [Entry::InheritClause(inherit), Entry::Binding(binding)] = &entries[..] else {
        panic!("two entries")
    };
    assert_eq!(inherit.from().unwrap().expr().unwrap().syntax().text(), "args");
    let inherited: Vec<_> = inherit.attrs().map(|it| it.static_name().unwrap()).collect();
    assert_eq!(inherited, ["a", "b"]);
    let path: Vec<_> =
        binding.attrpath().unwrap().attrs().map(|it| it.static_name().unwrap()).collect();
    assert_eq!(path, ["c", "d"]);
    let Some(Expr::Apply(call)) = binding.value() else { panic!("a call") };
    assert_eq!(call.function().unwrap().syntax().text(), "mkIf");
    let arguments: Vec<Expr> = call.arguments().collect();
    let [Expr::Paren(condition), Expr::List(list)] = &arguments[..] else { panic!("two") };
    let Some(Expr::UnaryOp(not)) = condition.expr() else { panic!("a negation") };
    assert_eq!(not.operator().unwrap().kind(), SyntaxKind::Bang);
    let elements: Vec<Expr> = list.elements().collect();
    let [Expr::Literal(one), Expr::Path(path)] = &elements[..] else { panic!("two") };
    assert_eq!(one.literal(), Some(LiteralKind::Integer(Some(1))));
    assert_eq!(path.kind(), Some(crate::literal::PathKind::Relative));
    assert_eq!(path.parts().count(), 3);
}

#[test]
fn operators_know_their_operands() {
    let Expr::BinaryOp(sum) = expr("a.b or 1 + -c") else { panic!("a sum") };
    assert_eq!(sum.operator().unwrap().text(), "+");
    let Some(Expr::Select(select)) = sum.lhs() else { panic!("a selection") };
    assert_eq!(select.expr().unwrap().syntax().text(), "a");
    assert_eq!(select.default().unwrap().syntax().text(), "1");
    let Some(Expr::UnaryOp(minus)) = sum.rhs() else { panic!("a negation") };
    assert_eq!(minus.operand().unwrap().syntax().text(), "c");
    let Expr::IfElse(choice) = expr("if a ? b then c or else d") else { panic!("a choice") };
    let Some(Expr::HasAttr(has)) = choice.condition() else { panic!("a question") };
    assert_eq!(has.attrpath().unwrap().syntax().text(), "b");
    let Some(Expr::ApplyOr(or)) = choice.then_branch() else { panic!("a call of `c`") };
    assert_eq!(or.function().unwrap().syntax().text(), "c");
    assert_eq!(choice.else_branch().unwrap().syntax().text(), "d");
}

#[test]
fn strings_have_values_and_places() {
    let Expr::IndentedString(text) = expr("''\n  a\n    b\n''") else { panic!("a string") };
    assert_eq!(text.constant().as_deref(), Some("a\n  b\n"));
    let Expr::String(text) = expr("\"a\\n${b}\"") else { panic!("a string") };
    assert_eq!(text.constant(), None);
    let parts: Vec<Part> = text.parts().collect();
    let [Part::Text(raw), Part::Interpolation(inner)] = &parts[..] else { panic!("two") };
    assert_eq!(raw.text(), "a\\n");
    let pointer = SyntaxNodePtr::new(inner.syntax());
    let again = file("\"a\\n${b}\"");
    assert_eq!(pointer.to_node(again.syntax()).text(), "${b}");
}

#[test]
fn a_broken_file_has_holes() {
    let tree = parse(b"let a = ; in", Options::DEFAULT).tree();
    let Some(Expr::LetIn(let_in)) = tree.expr() else { panic!("a `let`") };
    assert!(let_in.bindings().next().unwrap().value().is_none());
    assert!(let_in.body().is_none());
}
