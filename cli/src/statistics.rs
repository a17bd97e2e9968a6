//! `NIX_SHOW_STATS`: what an evaluation took, under the names that CppNix gives such figures.

use crate::env_vars;
use crate::ui::Ui;
use eval::heap::{Heap, Slot, Value};
use serde::Serialize;

/// What is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    /// Seconds.
    cpu_time: f64,
    gc: Memory,
    sizes: Sizes,
    time: Time,
}

/// The memory of values, in bytes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    heap_size: usize,
    total_bytes: usize,
}

/// What one of each takes, in bytes.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sizes {
    attr: usize,
    value: usize,
}

/// Seconds.
#[derive(Serialize)]
struct Time {
    cpu: f64,
}

/// Tells what an evaluation took, if the environment asks for it.
pub(crate) fn tell(ui: Ui, heap: &Heap) {
    if env_vars::NIX_SHOW_STATS.text().is_none_or(|value| value == "0") {
        return;
    }
    let cpu = cpu_seconds();
    let size = heap.size_bytes();
    let statistics = Statistics {
        cpu_time: cpu,
        gc: Memory { heap_size: size, total_bytes: size },
        sizes: Sizes { attr: size_of::<Slot<'_>>(), value: size_of::<Value<'_>>() },
        time: Time { cpu },
    };
    let text = serde_json::to_string_pretty(&statistics).unwrap_or_default();
    match env_vars::NIX_SHOW_STATS_PATH.value() {
        None => ui.tell(text),
        Some(path) => {
            if let Err(error) = std::fs::write(&path, text + "\n") {
                ui.warn(format!("writing '{}': {error}", path.to_string_lossy()));
            }
        }
    }
}

/// Returns the processor time that this process has taken.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may hold anything.
    let fields = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u32>).sum();
    f64::from(ticks) / TICKS_PER_SECOND
}
