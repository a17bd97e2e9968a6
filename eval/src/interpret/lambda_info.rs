//! What is known of a function without calling it.

use super::Eval;
use crate::heap::{Kind, Lambda, Symbol, Value};
use crate::ir::NO_ID;
use crate::source::Position;

/// A formal of a lambda that takes a set.
#[derive(Clone, Copy, Debug)]
pub struct Formal {
    /// Its name.
    pub name: Symbol,
    /// Whether it has a default.
    pub has_default: bool,
    /// Where it is written.
    pub position: Position,
}

/// What is known of a lambda without calling it.
#[derive(Clone, Debug)]
pub struct LambdaInfo {
    /// The name it is bound to, for messages.
    pub name: Option<Symbol>,
    /// The plain parameter, or the name after `@`.
    pub parameter: Option<Symbol>,
    /// The formals in the order written; `None` for a plain parameter.
    pub formals: Option<Vec<Formal>>,
    /// Whether the formals end in `...`.
    pub has_ellipsis: bool,
    /// Where the lambda is written.
    pub position: Position,
}

impl<'h> Eval<'h> {
    /// Returns what is known of a lambda without calling it.
    pub fn lambda_info(&self, lambda: Lambda<'h>) -> LambdaInfo {
        self.parameter_info(lambda.expression, 0)
    }

    /// Returns what is known of a lambda, or of one that was given some of its arguments; `None`
    /// for anything else.
    pub fn function_info(&self, function: Value<'h>) -> Option<LambdaInfo> {
        match function.kind() {
            Kind::Lambda(lambda) => Some(self.lambda_info(lambda)),
            Kind::Partial(partial) => match partial.function.kind() {
                Kind::Lambda(lambda) => {
                    Some(self.parameter_info(lambda.expression, partial.arguments.len()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the lambda that takes the argument with this index, from 0, of a curried one.
    fn parameter_info(&self, index: u32, argument: usize) -> LambdaInfo {
        let lambda = self.code.lambdas.get(index);
        let is_last = argument + 1 == lambda.arity as usize;
        let formals = lambda.formals.filter(|_| is_last);
        let file = self.code.position(lambda.body.get()).file;
        LambdaInfo {
            name: lambda.name,
            parameter: lambda.parameters.get(argument).copied().flatten(),
            formals: formals.map(|formals| {
                let in_order = formals.written.iter().filter_map(|&at| {
                    let formal = formals.formals.get(at as usize)?;
                    Some(Formal {
                        name: formal.name,
                        has_default: formal.default != NO_ID,
                        position: formal.position,
                    })
                });
                in_order.collect()
            }),
            has_ellipsis: formals.is_some_and(|formals| formals.has_ellipsis),
            position: Position {
                file,
                offset: lambda.offsets.get(argument).copied().unwrap_or_default(),
            },
        }
    }
}
