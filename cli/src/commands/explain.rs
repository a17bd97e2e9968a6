//! `nivis explain`: what an error code means, and how such an error is mended.

use crate::args::ExplainArgs;
use crate::context::Context;
use crate::report::{Failure, Outcome};
use eval::error::code::{self, Example};
use std::fmt::Write as _;

/// Runs `nivis explain`.
pub(crate) fn run(cx: &Context, args: &ExplainArgs) -> Outcome {
    if args.codes.is_empty() {
        for row in code::TABLE {
            cx.ui.line(format!("{}  {}", row.code, row.title))?;
        }
        return Ok(());
    }
    let mut text = String::new();
    for word in &args.codes {
        let Some(row) = code::find(word) else {
            return Err(Failure::new(format!("there is no error code `{word}`"))
                .hint("`nivis explain` lists all"));
        };
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}: {}\n\n{}\n", row.code, row.title, row.doc);
        let (what, example) = match row.example {
            Example::Expression(example) => ("For example, this fails so:", example.to_owned()),
            Example::Module(example) => ("For example, this module fails so:", example.to_owned()),
            Example::File(name, bytes) => (
                "For example, importing a file of these bytes fails so:",
                format!("{name}: {}", bytes.escape_ascii()),
            ),
            Example::Told(example) => ("For example, this fails so:", example.to_owned()),
        };
        let _ = writeln!(text, "{what}\n\n    {}", example.replace('\n', "\n    "));
    }
    Ok(cx.ui.data(text)?)
}
