//! Messages to the person while evaluation goes on: traces, warnings, context for errors.

use crate::builtins;
use crate::coerce::{self, Mode, Purpose};
use crate::error::{self, FrameKind, Result};
use crate::heap::{Lazy, Str, Value};
use crate::interpret::Eval;
use crate::print;
use crate::source::Position;

builtins! {
    /// Tells the person `message` and returns `value`.
    ///
    /// A string is told as it is, anything else as it would be written, as far as it is forced.
    ///
    /// ```nix
    /// builtins.trace "tea" 1  # => 1
    /// ```
    "trace"(message: Value<'h>, value: Lazy<'h>) => trace;

    /// Tells the person `message` if `trace-verbose` is set, and returns `value`.
    ///
    /// Without that setting `message` is not forced.
    ///
    /// ```nix
    /// builtins.traceVerbose (throw "not forced") 1  # => 1
    /// ```
    "traceVerbose"(message: Lazy<'h>, value: Lazy<'h>) => trace_verbose;

    /// Warns the person with the string `message` and returns `value`.
    ///
    /// With `abort-on-warn` evaluation ends there.
    ///
    /// ```nix
    /// builtins.warn "old" 1  # => 1
    /// builtins.warn 1 1      # error: expected a string but found an integer: 1
    /// ```
    "warn"(message: Str<'h>, value: Lazy<'h>) => warn;

    /// Returns `value`; if that fails, the way to the error names `message`.
    ///
    /// `message` is forced only then.
    ///
    /// ```nix
    /// builtins.addErrorContext (throw "not forced") 1  # => 1
    /// builtins.addErrorContext "while steeping" (throw "cold")  # error: cold
    /// ```
    "addErrorContext"(message: Lazy<'h>, value: Lazy<'h>) => add_error_context;

    /// Returns `value`; a debugger, where there is one, stops here.
    ///
    /// ```nix
    /// break 1  # => 1
    /// ```
    global "break"(value: Value<'h>) => break_here;
}

/// What a warning begins with; its further lines stand below the first.
const WARNING: &[u8] = b"evaluation warning: ";

fn trace<'h>(eval: &mut Eval<'h>, message: Value<'h>, value: Lazy<'h>) -> Result<Value<'h>> {
    let mut text = b"trace: ".to_vec();
    match message.as_string() {
        Some(string) => text.extend_from_slice(string.bytes()),
        None => text.extend(print::show_whole(eval, message)),
    }
    eval.system().message(&text);
    eval.force_lazy(value)
}

fn trace_verbose<'h>(eval: &mut Eval<'h>, message: Lazy<'h>, value: Lazy<'h>) -> Result<Value<'h>> {
    if !eval.settings().trace_verbose {
        return eval.force_lazy(value);
    }
    let message = eval.force_lazy(message)?;
    trace(eval, message, value)
}

fn warn<'h>(eval: &mut Eval<'h>, message: Str<'h>, value: Lazy<'h>) -> Result<Value<'h>> {
    eval.system().message(&warning(message.bytes()));
    if eval.settings().abort_on_warn {
        return Err(error::other(
            "aborting to reveal stack trace of warning, as abort-on-warn is set",
        ));
    }
    eval.force_lazy(value)
}

/// Returns a warning as it is told: indented, and without blanks at the ends of lines.
fn warning(message: &[u8]) -> Vec<u8> {
    let message = message.trim_ascii_end();
    let mut text = Vec::new();
    if message.is_empty() {
        return text;
    }
    for (line, index) in message.split(|&byte| byte == b'\n').zip(0..) {
        let mut whole = if index == 0 { WARNING.to_vec() } else { vec![b' '; WARNING.len()] };
        whole.extend_from_slice(line);
        if index > 0 {
            text.push(b'\n');
        }
        text.extend_from_slice(whole.trim_ascii_end());
    }
    text
}

fn add_error_context<'h>(
    eval: &mut Eval<'h>,
    message: Lazy<'h>,
    value: Lazy<'h>,
) -> Result<Value<'h>> {
    let error = match eval.force_lazy(value) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let message = eval.force_inner(message)?;
    let purpose = Purpose {
        position: Position::NONE,
        text: "while evaluating the error message passed to builtins.addErrorContext",
    };
    let message = coerce::to_string_for(eval, message, Mode::Plain, purpose)?;
    Err(error.frame(Position::NONE, FrameKind::Custom, message.to_text()))
}

fn break_here<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(value)
}
