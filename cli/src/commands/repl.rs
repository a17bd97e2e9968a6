//! `nivis repl` and `nix repl`: a prompt that evaluates what is typed.

use crate::args::ReplArgs;
use crate::context::Context;
use crate::evaluation;
use crate::repl::{Session, Source, Start};
use crate::report::Outcome;
use crate::stores::Access;

/// Runs `nivis repl`.
///
/// # Errors
///
/// As [`start`], or a setting with a bad value.
pub(crate) fn run(cx: &mut Context, args: ReplArgs) -> Outcome {
    let evaluation = args.evaluation;
    evaluation.apply(cx)?;
    start(cx, Start { request: evaluation.request(), settings: evaluation.settings })
}

/// Runs a session.
///
/// # Errors
///
/// When there is no store, or stdin or stdout fails; what is typed tells its errors and goes on.
pub(super) fn start(cx: &Context, start: Start) -> Outcome {
    let store = cx.lazy_store(Access::Write)?;
    let features = cx.settings.words("experimental-features");
    let pipe_operators = features.iter().any(|feature| feature == "pipe-operators");
    let options = syntax::Options { pipe_operators, ..syntax::Options::DEFAULT };
    let session_cx = Context { ui: cx.ui, settings: cx.settings.clone(), manner: cx.manner };
    let source = Source::open(cx, options)?;
    evaluation::run_unhurried(cx, &store, Access::Write, move |eval| {
        let mut session = Session::new(session_cx, eval, start, options);
        Ok(session.run(&source)?)
    })
}
