//! `nivis instantiate`: expressions to derivations in the store.

use crate::args::InstantiateArgs;
use crate::building;
use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::report::{Failure, Outcome, of_store};
use crate::request::Request;
use crate::stores::Access;
use eval::interpret::Eval;
use eval::select::{self, Selected};
use std::path::PathBuf;
use store::{Store, StorePath};

/// An output of a derivation that was selected.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Target {
    /// The derivation.
    pub(super) derivation: StorePath,
    /// The output's name.
    pub(super) output: String,
}

/// Runs `nivis instantiate`.
pub(crate) fn run(cx: &mut Context, args: InstantiateArgs) -> Outcome {
    args.evaluation.apply(cx)?;
    let options = Options { add_root: args.add_root, access: Access::Write, warns: false };
    instantiate(cx, &args.evaluation.request(), &options)
}

/// How to instantiate.
#[derive(Debug)]
pub(super) struct Options {
    /// The link that keeps the derivations alive.
    pub(super) add_root: Option<PathBuf>,
    /// Whether derivations are written, or their paths only computed.
    pub(super) access: Access,
    /// Whether to say that without a link nothing keeps them alive.
    pub(super) warns: bool,
}

/// Instantiates what the request selects and prints the derivations.
///
/// # Errors
///
/// Whatever evaluation meets, or a link that cannot be made.
pub(super) fn instantiate(cx: &Context, request: &Request, options: &Options) -> Outcome {
    let store = cx.lazy_store(options.access)?;
    evaluation::run_observed(cx, &store, options.access, |eval| {
        let mut printer = Printer { cx, store: &store, options, links: 0, has_warned: false };
        evaluation::each_selected(eval, request, "./default.nix", |eval, selection| {
            let found = select::derivations(eval, selection.value, selection.arguments)?;
            for selected in found {
                let target = target(eval, selected)?;
                if options.access == Access::Write {
                    // What is printed is there.
                    eval.store().add_temporary_root(&target.derivation).map_err(of_store)?;
                }
                printer.print(&target)?;
            }
            Ok(())
        })
    })
}

/// Returns the derivation and the output that were selected.
pub(super) fn target<'h>(eval: &mut Eval<'h>, selected: Selected<'h>) -> Result<Target, Stop> {
    let derivation = selected.derivation_path(eval)?;
    let output = selected.output_name(eval)?.filter(|name| !name.is_empty());
    let Some(output) = output else {
        let path = eval.store().directory().display(&derivation);
        return Err(
            Failure::new(format!("derivation '{path}' lacks an 'outputName' attribute")).into()
        );
    };
    Ok(Target { derivation, output })
}

struct Printer<'c> {
    cx: &'c Context,
    store: &'c dyn Store,
    options: &'c Options,
    links: u32,
    has_warned: bool,
}

impl Printer<'_> {
    fn print(&mut self, target: &Target) -> Result<(), Stop> {
        let shown = match &self.options.add_root {
            Some(link) => {
                self.links += 1;
                let link = building::numbered(link, self.links);
                let link = building::make_root(self.store, &target.derivation, &link)?;
                link.display().to_string()
            }
            None => {
                self.warn();
                self.store.directory().display(&target.derivation)
            }
        };
        let output = match target.output.as_str() {
            "out" => String::new(),
            other => format!("!{other}"),
        };
        Ok(self.cx.ui.line(format!("{shown}{output}"))?)
    }

    fn warn(&mut self) {
        if self.options.warns && !self.has_warned {
            self.has_warned = true;
            self.cx.ui.warn(
                "you did not specify '--add-root'; the result might be removed by the garbage \
                 collector",
            );
        }
    }
}
