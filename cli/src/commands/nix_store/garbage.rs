//! `nix-store --gc` and `--delete`: what nothing needs goes.

use super::super::gc::summary;
use super::{Line, no_operands, paths};
use crate::building::Progress;
use crate::context::Context;
use crate::flags::Flags;
use crate::report::{Failure, Outcome, of_store};
use crate::stores;
use std::collections::BTreeSet;
use store::{GcAction, GcOptions, Store};

/// What a collection prints and where it stops.
#[derive(Default, Debug)]
pub(super) struct Options {
    print_roots: bool,
    action: Option<GcAction>,
    max_freed: Option<u64>,
    ignore_liveness: bool,
}

impl Options {
    /// Takes a flag of a collection; `false` if it is none.
    pub(super) fn take_flag(&mut self, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        match flag {
            "--print-roots" => self.print_roots = true,
            "--print-live" => self.action = Some(GcAction::ReturnLive),
            "--print-dead" => self.action = Some(GcAction::ReturnDead),
            "--max-freed" => self.max_freed = Some(size(&flags.own_value(flag)?)?),
            "--ignore-liveness" => self.ignore_liveness = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads a number of bytes, with `K`, `M`, `G` or `T` after it for powers of 1024.
///
/// # Errors
///
/// Anything else.
pub(crate) fn size(text: &str) -> Outcome<u64> {
    let wrong = || Failure::new(format!("'{text}' is not a number of bytes"));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text.strip_prefix(digits).map(str::to_ascii_uppercase).as_deref() {
        Some("") => 0,
        Some("K") => 10,
        Some("M") => 20,
        Some("G") => 30,
        Some("T") => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// Collects garbage, or says what is alive, dead or a root.
pub(super) fn collect(cx: &Context, line: &Line) -> Outcome {
    no_operands(line)?;
    let store = cx.open_store()?;
    let options = &line.garbage;
    if options.max_freed.is_some() && (options.print_roots || options.action.is_some()) {
        let message = "option --max-freed cannot be combined with --print-live, --print-dead, or \
                       --print-roots";
        return Err(Failure::usage("nix-store", message));
    }
    if options.print_roots {
        let mut shown = BTreeSet::new();
        for (target, links) in store.roots().map_err(of_store)? {
            let target = store.directory().display(&target);
            shown.extend(links.into_iter().map(|link| format!("{link} -> {target}")));
        }
        for root in shown {
            cx.ui.line(root)?;
        }
        return Ok(());
    }
    let action = options.action.clone().unwrap_or_default();
    run(cx, store.as_ref(), action, options)
}

/// Deletes the operands, unless something needs them.
pub(super) fn delete(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let specific = paths(store.as_ref(), line)?.into_iter().collect();
    run(cx, store.as_ref(), GcAction::DeleteSpecific(specific), &line.garbage)
}

fn run(cx: &Context, store: &dyn Store, action: GcAction, options: &Options) -> Outcome {
    let options = GcOptions {
        action,
        ignore_liveness: options.ignore_liveness,
        max_freed: options.max_freed,
    };
    let progress = Progress::new(cx);
    let result = store.collect_garbage(&options, &progress).map_err(of_store)?;
    match options.action {
        GcAction::ReturnLive | GcAction::ReturnDead => {
            for path in &result.paths {
                cx.ui.line(format!("{}/{path}", store.directory()))?;
            }
            Ok(())
        }
        GcAction::DeleteDead | GcAction::DeleteSpecific(_) => {
            Ok(cx.ui.line(summary(&result, false))?)
        }
    }
}

/// Makes equal files of all objects one.
pub(super) fn optimise(cx: &Context, line: &Line) -> Outcome {
    no_operands(line)?;
    let store = stores::open_local(cx.ui, &cx.settings)?;
    let result = store.optimise().map_err(of_store)?;
    let mebibytes = result.bytes_freed as f64 / f64::from(1 << 20);
    let files = result.files_linked;
    cx.ui.tell(format!("{mebibytes:.1} MiB freed by hard-linking {files} files"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("10").ok(), Some(10));
        assert_eq!(size("2K").ok(), Some(2048));
        assert_eq!(size("1m").ok(), Some(1 << 20));
        assert!(size("x").is_err());
        assert!(size("99999999999T").is_err());
    }
}
