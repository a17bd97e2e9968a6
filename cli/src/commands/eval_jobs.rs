//! `nivis eval-jobs`: the derivations of a set, as lines of JSON like those of `nix-eval-jobs`.

mod cache_status;
mod job;

use crate::args::EvalJobsArgs;
use crate::context::{Context, Manner};
use crate::evaluation::{self, Stop, base};
use crate::report::{Failure, Outcome};
use crate::request::Request;
use crate::roots::{self, Division, Fields};
use crate::stores::{Access, LazyStore};
use eval::equal::is_derivation;
use eval::heap::{Attrs, Lazy, Slot, Value};
use eval::interpret::Eval;
use eval::packages::boolean;
use eval::select;
use eval::source::{Origin, Position};

/// The bytes in a megabyte of `--max-memory-size`.
const MEGABYTE: usize = 1 << 20;

/// Runs `nivis eval-jobs`.
pub(crate) fn run(cx: &mut Context, args: &EvalJobsArgs) -> Outcome {
    args.evaluation.apply(cx)?;
    let wanted = [
        ("--show-input-drvs", args.show_input_drvs),
        ("--check-cache-status", args.check_cache_status),
    ];
    let wanted: Vec<&str> = wanted.iter().filter(|(_, is_on)| *is_on).map(|it| it.0).collect();
    if args.no_instantiate && !wanted.is_empty() {
        return Err(Failure::new(format!(
            "--no-instantiate is incompatible with: {}. These features require instantiated \
             derivations.",
            wanted.join(", ")
        )));
    }
    let access = if args.no_instantiate { Access::Read } else { Access::Write };
    let request = args.evaluation.request();
    if request.words.is_empty() {
        return Err(Failure::new("no expression specified"));
    }
    let division = Division {
        threads: roots::threads(args.threads.as_deref().unwrap_or("auto"))?,
        growth_max: args.max_memory_size.map_or(roots::GROWTH_MAX, |size| size * MEGABYTE),
    };
    let in_their_form =
        Context { ui: cx.ui, settings: cx.settings.clone(), manner: Manner::CppNix };
    let store = cx.lazy_store(access)?;
    evaluation::run(cx, &store, access, |eval| {
        let jobs = Jobs { cx, in_their_form: &in_their_form, args };
        jobs.tell(eval, &store, &request, division)
    })
}

/// What was asked for.
struct Jobs<'c> {
    cx: &'c Context,
    /// The context in which errors are worded as other tools expect them.
    in_their_form: &'c Context,
    args: &'c EvalJobsArgs,
}

impl Jobs<'_> {
    /// Tells the jobs, each attribute at the top by itself.
    fn tell<'h>(
        &self,
        eval: &mut Eval<'h>,
        store: &LazyStore,
        request: &Request,
        division: Division,
    ) -> Result<(), Stop> {
        let (root, arguments) = self.root(eval, request)?;
        let Some(attrs) = root.as_attrs() else { return Ok(()) };
        let search = job::Search { jobs: self, arguments };
        let names: Vec<(String, &'h Slot<'h>)> =
            if is_derivation(eval, attrs)? { Vec::new() } else { job::names(eval, attrs) };
        let mut work = |eval: &mut Eval<'h>, index: usize| {
            let mut lines = Fields::new();
            match names.get(index) {
                Some((name, slot)) => {
                    search.slot(eval, slot, &mut vec![name.clone()], &mut lines)?;
                }
                None => search.value(eval, Ok(root), &mut Vec::new(), &mut lines)?,
            }
            Ok(lines)
        };
        let mut tell = |_: usize, lines: Fields| {
            for line in lines {
                self.cx.ui.data([line, b"\n".to_vec()].concat())?;
            }
            Ok(())
        };
        let how = (names.len().max(1), division);
        roots::each(self.cx, store, eval, how, &mut work, &mut tell)
    }

    /// Returns the set to search, and the arguments for functions in it.
    fn root<'h>(
        &self,
        eval: &mut Eval<'h>,
        request: &Request,
    ) -> Result<(Value<'h>, Attrs<'h>), Stop> {
        let mut found = None;
        evaluation::each_selected(eval, request, "./default.nix", |eval, selection| {
            if found.is_some() {
                return Err(Failure::new("eval-jobs takes one expression").into());
            }
            let value = select::auto_call(eval, selection.value, selection.arguments)?;
            found = Some((value, selection.arguments));
            Ok(())
        })?;
        let Some((value, arguments)) = found else {
            return Err(Failure::new("no expression specified").into());
        };
        let Some(text) = &self.args.select else { return Ok((value, arguments)) };
        let base = base(eval);
        let function = eval.evaluate(Origin::String(base), text.as_bytes())?;
        let selected = eval.call(function, &[Lazy::from(value)])?;
        if selected.as_attrs().is_none() {
            let message = "'--select' must evaluate to an attrset (the traversal root)";
            return Err(Failure::new(message).into());
        }
        Ok((selected, arguments))
    }
}

/// Whether a set that is no derivation is searched.
fn recurses<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<bool, Stop> {
    match attrs.named(b"recurseForDerivations") {
        Some(slot) => {
            let step = "while evaluating recurseForDerivations";
            Ok(boolean(eval, slot, Position::NONE, step)?)
        }
        None => Ok(false),
    }
}
