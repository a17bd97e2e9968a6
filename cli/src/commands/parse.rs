//! `nivis parse` and `nix-instantiate --parse`: what was understood of a text.

use super::eval::inputs;
use crate::args::ParseArgs;
use crate::context::{Context, Manner};
use crate::env_vars;
use crate::evaluation::{self, Stop};
use crate::report::{Failure, Outcome};
use crate::request::{Input, Request};
use crate::stores::Access;
use eval::error::EvalError;
use eval::interpret::Eval;
use eval::report::{Place, Report};
use eval::show;
use eval::source::{FileId, Origin, Position};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use syntax::{FlatElement, FlatNode, LineIndex, Options, TextSize, parse_flat};

/// Runs `nivis parse`.
pub(crate) fn run(cx: &mut Context, args: ParseArgs) -> Outcome {
    args.settings.apply(cx.ui, &mut cx.settings)?;
    let is_expression = args.is_expression;
    let request = Request { words: args.inputs, is_expression, ..Request::default() };
    each_text(cx, &request, |eval, origin, text| {
        if args.tree {
            return tree(cx, eval, origin, text);
        }
        Ok(cx.ui.data(shown(cx, eval, origin, text)?)?)
    })
}

/// Prints what each input of the request parses to, once for each of `times`.
///
/// # Errors
///
/// Inputs that cannot be read or do not parse.
pub(super) fn print_parsed(cx: &Context, request: &Request) -> Outcome {
    each_text(cx, request, |eval, origin, text| {
        for _ in request.attribute_paths() {
            cx.ui.data(shown(cx, eval, origin, text)?)?;
        }
        Ok(())
    })
}

/// Gives the text of each input to `work`.
fn each_text(
    cx: &Context,
    request: &Request,
    mut work: impl FnMut(&Eval<'_>, &Origin, &[u8]) -> Result<(), Stop> + Send,
) -> Outcome {
    let store = cx.lazy_store(Access::Read)?;
    evaluation::run(cx, &store, Access::Read, |eval| {
        for input in inputs(request) {
            let (origin, text) = text_of(eval, &input)?;
            work(eval, &origin, &text)?;
        }
        Ok(())
    })
}

/// Returns the text of an input and what it is called.
fn text_of(eval: &mut Eval<'_>, input: &Input) -> Result<(Origin, Vec<u8>), Stop> {
    Ok(match input {
        Input::File(name) => {
            let path = evaluation::source_file(eval, name)?;
            let text = eval.read_file(&path)?;
            (Origin::File(path), text)
        }
        Input::Expression(text) => {
            (Origin::String(evaluation::base(eval)), text.clone().into_bytes())
        }
        Input::Stdin => (Origin::Stdin(evaluation::base(eval)), evaluation::read_stdin()?),
        Input::Flake(text, _) => {
            return Err(Failure::new(format!("'{text}' names a flake and no file")).into());
        }
    })
}

fn options(eval: &Eval<'_>) -> Options {
    let pipe_operators = eval.settings().has_feature("pipe-operators");
    Options { pipe_operators, ..Options::DEFAULT }
}

/// Returns the line that is printed for a text.
fn shown(cx: &Context, eval: &Eval<'_>, origin: &Origin, text: &[u8]) -> Result<Vec<u8>, Stop> {
    let home = env_vars::HOME.value();
    let home = home.as_ref().map(|home| home.as_bytes());
    let shown = show::parse_to_text(text, origin, home, options(eval)).and_then(|shown| {
        let (tree, _) = parse_flat(text, options(eval));
        eval.tell_of_literals(&tree, origin, FileId(1))?;
        eval.tell_of_or(&tree, origin);
        Ok(shown)
    });
    match shown {
        Ok(mut shown) => {
            shown.push(b'\n');
            Ok(shown)
        }
        Err(error) => Err(refusal(cx, &error, origin, text).into()),
    }
}

/// Returns the failure of a text that is refused.
fn refusal(cx: &Context, error: &EvalError, origin: &Origin, text: &[u8]) -> Failure {
    let index = LineIndex::new(text);
    let report = Report::new(error, |position: Position| {
        if !position.is_some() {
            return None;
        }
        let line = index.line(TextSize::new(position.offset));
        let column = position.offset - u32::from(index.line_range(line).start()) + 1;
        Some(Place {
            file: evaluation::origin_name(origin),
            line: line + 1,
            column,
            code: evaluation::code(text, line + 1),
            is_library: false,
            extent: 0,
        })
    });
    let shows_all = cx.settings.is_on("show-trace");
    Failure::new(match cx.manner {
        Manner::Own => report.to_text(shows_all),
        Manner::CppNix => report.to_oracle_text(shows_all),
    })
}

/// Prints the whole tree of a text, then says what is wrong with it.
fn tree(cx: &Context, eval: &Eval<'_>, origin: &Origin, text: &[u8]) -> Result<(), Stop> {
    let (tree, errors) = parse_flat(text, options(eval));
    let mut printer = TreePrinter { text, end: 0, out: String::new() };
    printer.node(tree.root(), 0);
    printer.trivia(text.len(), 1);
    cx.ui.data(printer.out)?;
    if errors.is_empty() { Ok(()) } else { shown(cx, eval, origin, text).map(|_| ()) }
}

/// Prints a tree, one element a line, with what lies between the tokens.
struct TreePrinter<'t> {
    text: &'t [u8],
    /// Where the last token ended, in bytes.
    end: usize,
    out: String,
}

impl TreePrinter<'_> {
    fn node(&mut self, node: FlatNode<'_>, depth: usize) {
        let (start, end) = (node.start(), node.end());
        let _ = writeln!(self.out, "{:1$}{2:?} {start}..{end}", "", depth * 2, node.kind());
        for element in node.elements() {
            match element {
                FlatElement::Node(node) => self.node(node, depth + 1),
                FlatElement::Token(token) => {
                    self.trivia(token.start() as usize, depth + 1);
                    self.leaf(&format!("{:?}", token.kind()), token.text(), depth + 1);
                    self.end = token.end() as usize;
                }
            }
        }
    }

    /// Prints blanks and comments up to `start`.
    fn trivia(&mut self, start: usize, depth: usize) {
        let trivia = self.text.get(self.end..start).unwrap_or_default();
        if !trivia.is_empty() {
            self.leaf("Trivia", trivia, depth);
        }
    }

    fn leaf(&mut self, kind: &str, text: &[u8], depth: usize) {
        let text = String::from_utf8_lossy(text);
        let _ = writeln!(self.out, "{:1$}{kind} {text:?}", "", depth * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::TreePrinter;
    use syntax::{Options, parse_flat};

    #[test]
    fn trees_leave_nothing_out() {
        let text = b"# c\na b ";
        let (tree, _) = parse_flat(text, Options::DEFAULT);
        let mut printer = TreePrinter { text, end: 0, out: String::new() };
        printer.node(tree.root(), 0);
        printer.trivia(text.len(), 1);
        for part in ["Trivia \"# c\\n\"", "\"a\"", "Trivia \" \"", "\"b\""] {
            assert!(printer.out.contains(part), "{part} in {}", printer.out);
        }
    }
}
