//! `nivis option`: what an option is, what it is set to, and where.

mod find;
mod show;

use crate::args::OptionArgs;
use crate::commands::system::{self, Configuration, Modules};
use crate::context::Context;
use crate::definitions;
use crate::evaluation::{self, Stop};
use crate::report::{Failure, Outcome};
use crate::stores::Access;
use crate::ui::Ui;
use eval::heap::Value;
use eval::interpret::Eval;
use eval::option_tree::{OptionInfo, Place};
use eval::select;
use find::Found;
use serde::Serialize;

/// The version of the record that `--json` prints.
const VERSION: u32 = 1;

/// What `--json` prints.
#[derive(Serialize)]
struct Record {
    version: u32,
    options: Vec<Answer>,
}

/// What there is to say of one name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    name: String,
    /// The names below, if this is a set of options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<Shown>,
}

/// An option.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// The type, as its author describes it.
    r#type: String,
    /// The value as text of the language; none when it cannot be evaluated.
    value: Option<String>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    default: Option<String>,
    example: Option<String>,
    description: Option<String>,
    is_read_only: bool,
    declarations: Vec<Where>,
    definitions: Vec<Where>,
}

/// A place in a file.
#[derive(Serialize)]
struct Where {
    file: String,
    line: Option<u32>,
    column: Option<u32>,
}

impl From<Place> for Where {
    fn from(Place { file, line, column }: Place) -> Self {
        Self { file, line, column }
    }
}

/// Runs `nivis option`.
pub(crate) fn run(cx: &mut Context, args: &OptionArgs) -> Outcome {
    args.settings.apply(cx.ui, &mut cx.settings)?;
    if args.json {
        cx.settings.force("error-format", "json");
    }
    let file = args.configuration.as_deref();
    let configuration = Configuration::new(Modules::Named, file, true)?;
    let store = cx.lazy_store(Access::Read)?;
    let options = evaluation::run_observed(cx, &store, Access::Read, |eval| {
        configuration.with(cx, eval, false, |eval, system| {
            args.names.iter().map(|name| answer(eval, system, name)).collect::<Result<Vec<_>, _>>()
        })
    })?;
    if args.json {
        let record = Record { version: VERSION, options };
        let text = serde_json::to_string_pretty(&record).map_err(Failure::new)?;
        return Ok(cx.ui.line(text)?);
    }
    for (index, answer) in options.iter().enumerate() {
        if index > 0 {
            cx.ui.line("")?;
        }
        tell(cx.ui, answer)?;
    }
    Ok(())
}

fn answer<'h>(eval: &mut Eval<'h>, system: Value<'h>, name: &str) -> Result<Answer, Stop> {
    let path = select::parse_path(name)?;
    let options = system::part(eval, system, "options")?;
    match find::find(eval, options, &path)? {
        Found::Names(names) => Ok(Answer { name: name.to_owned(), names, option: None }),
        Found::Option(info) => {
            let config = system::part(eval, system, "config")?;
            let value = find::value(eval, config, &path)?;
            let option = Some(shown(eval, &path, *info, value));
            Ok(Answer { name: name.to_owned(), names: Vec::new(), option })
        }
    }
}

fn shown(
    eval: &mut Eval<'_>,
    path: &[String],
    info: OptionInfo,
    value: Result<String, String>,
) -> Shown {
    let mut complete = |part: &str, places: Vec<Place>| -> Vec<Place> {
        places.into_iter().map(|place| definitions::complete(eval, part, path, place)).collect()
    };
    let declared = complete("options", info.declarations);
    let mut defined = complete("config", info.definitions);
    for place in defined.iter_mut().filter(|place| place.line.is_none()) {
        // A default is a definition by the module that declares the option.
        let declaration = declared.iter().find(|declaration| declaration.file == place.file);
        *place = declaration.unwrap_or(place).clone();
    }
    let (value, error) = match value {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    };
    Shown {
        r#type: info.type_description,
        value,
        error,
        default: info.default.map(trimmed),
        example: info.example.map(trimmed),
        description: info.description.map(trimmed),
        is_read_only: info.is_read_only,
        declarations: declared.into_iter().map(Where::from).collect(),
        definitions: defined.into_iter().map(Where::from).collect(),
    }
}

fn tell(ui: Ui, answer: &Answer) -> Outcome {
    ui.line(&answer.name)?;
    for name in &answer.names {
        ui.line(format!("  {name}"))?;
    }
    let Some(option) = &answer.option else { return Ok(()) };
    let fields = [
        ("value", option.value.as_ref()),
        ("error", option.error.as_ref()),
        ("type", Some(&option.r#type)),
        ("default", option.default.as_ref()),
        ("example", option.example.as_ref()),
    ];
    for (label, text) in fields {
        if let Some(text) = text {
            ui.line(format!("  {label}: {}", indented(text)))?;
        }
    }
    if option.is_read_only {
        ui.line("  read only")?;
    }
    if let Some(text) = &option.description {
        ui.line(format!("\n    {}\n", indented(text)))?;
    }
    for (label, places) in [("declared", &option.declarations), ("defined", &option.definitions)] {
        for place in places {
            ui.line(format!("  {label}: {place}"))?;
        }
    }
    if option.definitions.is_empty() {
        ui.line("  defined nowhere: it has its default, if any")?;
    }
    Ok(())
}

/// Returns a text without the blanks at its end, which say nothing.
fn trimmed(text: String) -> String {
    text.trim_end().to_owned()
}

/// Indents all lines but the first.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

impl std::fmt::Display for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, ":{line}:{column}"),
            (Some(line), None) => write!(f, ":{line}"),
            (None, _) => Ok(()),
        }
    }
}
