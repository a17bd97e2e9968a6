//! `nivis generations`: the systems that a machine has been, or still can be.

use crate::activation::{self, GenerationLabel};
use crate::args::GenerationsArgs;
use crate::context::Context;
use crate::report::{Failure, Outcome, chain};
use serde::Serialize;
use std::path::Path;

/// The version of the record that `--json` prints.
const VERSION: u32 = 1;

/// What `--json` prints.
#[derive(Serialize)]
struct Record {
    version: u32,
    generations: Vec<Row>,
}

/// A generation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    number: u64,
    is_active: bool,
    /// When it was made, as `2026-11-25T15:04:05Z`.
    created: String,
    /// The system's store path.
    system: String,
    #[serde(flatten)]
    label: GenerationLabel,
}

/// Runs `nivis generations`.
pub(crate) fn run(cx: &mut Context, args: &GenerationsArgs) -> Outcome {
    let root = args.root.root.as_deref();
    let profile = activation::profile(root)?;
    let generations = activation::generations(&profile, root)?;
    let active = profile.current().map_err(|error| Failure::new(chain(&error)))?;
    if let Some(number) = activation::unfinished(root.unwrap_or(Path::new("/"))) {
        cx.ui.warn(format!(
            "a switch to generation {number} is under way or was cut short; \
             the next one takes back what it did"
        ));
    }
    let rows: Vec<Row> = generations
        .into_iter()
        .map(|generation| Row {
            number: generation.number,
            is_active: active == Some(generation.number),
            created: activation::moment(generation.created),
            label: GenerationLabel::read(root.unwrap_or(Path::new("/")), &generation.target),
            system: generation.target.to_string_lossy().into_owned(),
        })
        .collect();
    if args.json {
        let record = Record { version: VERSION, generations: rows };
        let text = serde_json::to_string_pretty(&record).map_err(Failure::new)?;
        return Ok(cx.ui.line(text)?);
    }
    for row in rows {
        let mark = if row.is_active { "*" } else { " " };
        let label = row.label.host_name.into_iter().chain(row.label.label);
        let label = label.collect::<Vec<_>>().join(" ");
        let line = format!("{mark} {:>4}  {}  {label}", row.number, row.created);
        cx.ui.line(line.trim_end())?;
    }
    Ok(())
}
