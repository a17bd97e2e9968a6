//! `nix-collect-garbage`: old generations go if asked, then what nothing needs.

use super::gc::{self, Options};
use super::nix_store::size;
use crate::context::Context;
use crate::flags::{Flags, Word};
use crate::report::Outcome;
use store::profile::Selection;

/// Runs `nix-collect-garbage`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut options = Options::default();
    while let Some(word) = flags.next_word() {
        let flag = match word {
            Word::Operand(operand) => return Err(flags.unknown(&operand)),
            Word::Flag(flag) => flag,
        };
        match flag.as_str() {
            "-d" | "--delete-old" => {
                options.generations = options.generations.or(Some(Selection::Old));
            }
            "--delete-older-than" => {
                options.generations = Some(gc::age(&flags.own_value(&flag)?)?);
            }
            "--dry-run" => options.dry_run = true,
            "--max-freed" => options.max_freed = Some(size(&flags.own_value(&flag)?)?),
            _ if cx.settings.take_flag(cx.ui, &flag, &mut flags)? => {}
            _ => return Err(flags.unknown(&flag)),
        }
    }
    if options.dry_run && options.max_freed.is_some() {
        return Err(flags.wrong("options --max-freed and --dry-run cannot be combined"));
    }
    gc::collect_in_store(cx, &options)
}
