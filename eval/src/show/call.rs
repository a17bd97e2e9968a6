//! Calls as they are printed: operators that are functions, and the arguments of nested calls.
//!
//! Applying what is a call already adds to its arguments: `(f a) b` is `(f a b)`, and so is
//! `b |> f a`.

use syntax::{FlatNode, SyntaxKind as K, literal};

/// A call as it is printed: applying what is a call already adds to its arguments.
pub(super) enum Call<'t> {
    /// A function of the language applied to one of the source.
    Builtin(&'static str),
    /// Any other function.
    Expr(FlatNode<'t>),
}

/// One argument of a call.
pub(super) enum Argument<'t> {
    Expr(FlatNode<'t>),
    /// Text that stands for itself: `0`, `__nixPath`.
    Text(&'static str),
    /// The `or` at this offset, a variable.
    Or(u32),
    /// A string.
    String(&'t [u8]),
}

/// Returns the innermost function of nested calls, and adds the arguments of all to `arguments`.
pub(super) fn flatten<'t>(node: FlatNode<'t>, arguments: &mut Vec<Argument<'t>>) -> Call<'t> {
    let node = node.without_parens();
    let operator = node.operator().map(|it| it.kind());
    let mut both = |first: usize, second: usize| {
        let operands = [node.nth_child(first), node.nth_child(second)];
        arguments.extend(operands.into_iter().flatten().map(Argument::Expr));
    };
    match (node.kind(), operator) {
        (K::BinaryOp, Some(K::Less | K::GreaterEquals)) => both(0, 1),
        (K::BinaryOp, Some(K::Greater | K::LessEquals)) => both(1, 0),
        (K::BinaryOp, Some(K::Minus | K::Star | K::Slash)) => both(0, 1),
        _ => {}
    }
    match (node.kind(), operator) {
        (K::BinaryOp, Some(K::Minus)) => Call::Builtin("__sub"),
        (K::BinaryOp, Some(K::Star)) => Call::Builtin("__mul"),
        (K::BinaryOp, Some(K::Slash)) => Call::Builtin("__div"),
        (K::BinaryOp, Some(K::PipeFrom)) => applied(node, 0, 1, arguments),
        (K::BinaryOp, Some(K::PipeInto)) => applied(node, 1, 0, arguments),
        (K::BinaryOp, _) => Call::Builtin("__lessThan"),
        (K::UnaryOp, _) => {
            arguments.push(Argument::Text("0"));
            arguments.extend(node.first_child().map(Argument::Expr));
            Call::Builtin("__sub")
        }
        (K::LookupPathExpr, _) => {
            arguments.push(Argument::Text("__nixPath"));
            arguments.push(Argument::String(literal::lookup_path_name(node.text())));
            Call::Builtin("__findFile")
        }
        (K::ApplyOr, _) => {
            arguments.extend(node.token(K::Or).map(|token| Argument::Or(token.start())));
            // `f a or` is no call with two arguments.
            node.first_child().map_or(Call::Builtin(""), Call::Expr)
        }
        _ => {
            let function = callee(node.first_child(), arguments);
            arguments.extend(node.children().skip(1).map(Argument::Expr));
            function
        }
    }
}

/// A pipe: the child number `function` applied to the child number `argument`.
fn applied<'t>(
    node: FlatNode<'t>,
    function: usize,
    argument: usize,
    arguments: &mut Vec<Argument<'t>>,
) -> Call<'t> {
    let call = callee(node.nth_child(function), arguments);
    arguments.extend(node.nth_child(argument).map(Argument::Expr));
    call
}

/// Returns what `function` applies if it is a call itself, else `function`.
fn callee<'t>(function: Option<FlatNode<'t>>, arguments: &mut Vec<Argument<'t>>) -> Call<'t> {
    let Some(function) = function else { return Call::Builtin("") };
    let inner = function.without_parens();
    if is_call(inner) { flatten(inner, arguments) } else { Call::Expr(inner) }
}

/// Whether an expression is a call to the language; `<=` and `>=` negate one.
fn is_call(node: FlatNode<'_>) -> bool {
    match node.kind() {
        K::Apply | K::ApplyOr | K::LookupPathExpr => true,
        K::UnaryOp => node.operator().is_some_and(|it| it.kind() == K::Minus),
        K::BinaryOp => node.operator().is_some_and(|it| is_call_operator(it.kind())),
        _ => false,
    }
}

/// Whether an operator calls a function.
pub(super) fn is_call_operator(operator: K) -> bool {
    matches!(
        operator,
        K::Less | K::Greater | K::Minus | K::Star | K::Slash | K::PipeInto | K::PipeFrom
    )
}
