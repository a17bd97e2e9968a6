//! An error as JSON: the same facts as the text, for editors and other programs.

use serde::Serialize;

use super::{Place, Report};

/// What one error is written as.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'r> {
    code: &'r str,
    message: &'r str,
    /// The places, that of the error itself first.
    spans: Vec<Span<'r>>,
    suggestions: &'r [String],
    notes: &'r [String],
    helps: &'r [String],
    /// The way to the error, the last step first.
    trace: Vec<Step<'r>>,
}

/// A marked place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'r> {
    file: &'r str,
    line: u32,
    column: u32,
    /// How many bytes are meant; 0: the word.
    length: u32,
    label: &'r str,
    is_primary: bool,
    is_library: bool,
}

/// A step on the way.
#[derive(Serialize)]
struct Step<'r> {
    text: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

impl<'r> Span<'r> {
    fn new(place: &'r Place, label: &'r str, is_primary: bool) -> Self {
        let Place { file, line, column, is_library, extent, .. } = place;
        let (line, column, length, is_library) = (*line, *column, *extent, *is_library);
        Self { file, line, column, length, label, is_primary, is_library }
    }
}

impl<'r> Step<'r> {
    fn new(step: &'r super::Step) -> Self {
        let place = step.place.as_ref();
        Self {
            text: &step.text,
            file: place.map(|place| place.file.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
        }
    }
}

impl Report {
    /// Returns the error as one line of JSON, without a newline at the end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.record()).unwrap_or_default()
    }

    /// Returns what [`Report::to_json`] writes, for a record that holds several.
    pub fn record(&self) -> Record<'_> {
        let primary = self.place.iter().map(|place| Span::new(place, &self.label, true));
        let others = self.labels.iter().map(|label| Span::new(&label.place, &label.text, false));
        Record {
            code: self.code,
            message: self.message.trim(),
            spans: primary.chain(others).collect(),
            suggestions: &self.suggestions,
            notes: &self.notes,
            helps: &self.helps,
            trace: self.steps.iter().rev().map(Step::new).collect(),
        }
    }
}
