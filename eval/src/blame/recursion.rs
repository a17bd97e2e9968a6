//! Values that need themselves: the cycle in the person's own text, and what usually causes it.

use super::{extent, place};
use crate::error::EvalError;
use crate::interpret::Eval;
use crate::module_error;
use crate::report::{Label, Place, Report};
use crate::source::Position;

/// How many places of a cycle are marked.
const MARKS_MAX: usize = 8;

/// Says what a cycle goes through, and why.
pub(super) fn explain(eval: &mut Eval<'_>, error: &EvalError, report: &mut Report) {
    if let Some(name) = module_error::recursive_argument(error) {
        return missing_argument(eval, error, &name, report);
    }
    match report.code {
        "M0110" => {
            report.message =
                String::from("`imports` depends on `config`, which is not known until imports are");
            report.place = own_place(eval, error);
            report.helps.push(
                "import the file always, and put `lib.mkIf` with the condition inside it"
                    .to_owned(),
            );
            drop_hints(report);
        }
        "M0112" => {
            report.message = String::from(
                "which options this module defines depends on `config`, which is not known before \
                 that",
            );
            report.place = own_place(eval, error);
            report.helps.push(
                "write `lib.mkIf condition { … }` instead of `if`, and `lib.mkMerge [ … ]` \
                 instead of `//`"
                    .to_owned(),
            );
            drop_hints(report);
        }
        _ => mark_cycle(eval, error, report),
    }
}

/// Says that nobody passes a module argument.
pub(super) fn missing_argument(
    eval: &mut Eval<'_>,
    error: &EvalError,
    name: &str,
    report: &mut Report,
) {
    let is_recursion = error.kind == crate::error::ErrorKind::InfiniteRecursion;
    report.message = if is_recursion {
        format!("module argument `{name}` is not provided, and is needed before `config` is known")
    } else {
        format!("module argument `{name}` is not provided")
    };
    let file = argument_file(error, name);
    report.place = own_place(eval, error);
    if let Some(place) = argument_place(eval, file.as_deref(), name) {
        let is_same = report.place.as_ref().is_some_and(|it| it.file == place.file);
        if report.place.is_none() || !is_same {
            report.label = String::from("the argument");
            report
                .labels
                .extend(report.place.take().map(|place| Label { place, text: String::new() }));
            report.place = Some(place);
        } else {
            report.labels.push(Label { place, text: "the argument".to_owned() });
        }
    }
    let what = if name == "pkgs" {
        "`pkgs` itself comes from `config`: what `imports` need has to come from `specialArgs` or \
         from `<nixpkgs>`"
            .to_owned()
    } else {
        format!("pass it where the system is made: `specialArgs = {{ inherit {name}; }};`")
    };
    report.helps.push(what);
    drop_hints(report);
}

/// Drops what the library says about recursion: our words say the same.
fn drop_hints(report: &mut Report) {
    let says_it = |text: &str| {
        text.starts_with("if you get an infinite recursion here") || text.starts_with("noting that")
    };
    report.steps.retain(|step| !says_it(&step.text));
}

/// Returns the innermost place of the person's own on the way to an error that lies in a file.
fn own_place(eval: &Eval<'_>, error: &EvalError) -> Option<Place> {
    let frames: Vec<_> = error.frames.outermost_first().map(|frame| frame.position).collect();
    let mut positions = std::iter::once(error.position)
        .chain(error.cycle.iter().copied())
        .chain(frames.into_iter().rev());
    positions.find_map(|position| own(eval, position).filter(|it| !it.file.starts_with('«')))
}

fn own(eval: &Eval<'_>, position: Position) -> Option<Place> {
    let start = super::start(eval, position);
    let mut found = place(eval, start).filter(|place| !place.is_library)?;
    found.extent = extent(eval, start, start != position);
    Some(found)
}

/// Returns the file whose module takes an argument.
fn argument_file(error: &EvalError, name: &str) -> Option<String> {
    let text = error.frames.outermost_first().map(|frame| frame.text.as_str());
    let mut found = text.filter(|text| {
        text.starts_with("while evaluating the module argument ") && text.contains(name)
    });
    let text = found.next()?;
    let (_, rest) = text.split_once(" in \"")?;
    rest.split(['"', ':']).next().map(str::to_owned)
}

/// Returns where a module names an argument.
fn argument_place(eval: &mut Eval<'_>, file: Option<&str>, name: &str) -> Option<Place> {
    let file = file?;
    let mut files = super::Files::default();
    let range = {
        let (_, text) = files.get(eval, file)?;
        let (tree, _) = syntax::parse_flat(text, syntax::Options::DEFAULT);
        let mut formals =
            tree.root().descendants().filter(|node| node.kind() == syntax::SyntaxKind::Formal);
        let formal = formals
            .find(|node| node.first_token().is_some_and(|token| token.text() == name.as_bytes()))?;
        formal.first_token()?.range()
    };
    files.place(eval, file, range).filter(|place| !place.is_library)
}

/// Marks the person's own places of a cycle, in the order in which evaluation takes them.
fn mark_cycle(eval: &Eval<'_>, error: &EvalError, report: &mut Report) {
    let mut places: Vec<Place> = Vec::new();
    let mut libraries = 0;
    for position in error.cycle.iter().rev() {
        match own(eval, *position) {
            Some(place) if !places.contains(&place) => places.push(place),
            Some(_) => {}
            None => libraries += 1,
        }
    }
    if places.len() < 2 {
        // Files that import each other: the steps are the way round.
        let frames: Vec<_> = error.frames.outermost_first().collect();
        let imports = frames.iter().filter(|frame| frame.text.contains("'import'"));
        for place in imports.filter_map(|frame| own(eval, frame.position)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    if places.is_empty() {
        return;
    }
    let main = report.place.clone().filter(|place| !place.is_library);
    let main = main.or_else(|| places.last().cloned());
    places.retain(|place| {
        main.as_ref().is_none_or(|main| {
            (&main.file, main.line, main.column) != (&place.file, place.line, place.column)
        })
    });
    report.label = String::from("and this needs the first again");
    if places.is_empty() {
        report.label = String::from("this needs itself");
    }
    report.place = main;
    let count = places.len();
    for (index, place) in places.into_iter().take(MARKS_MAX).enumerate() {
        let text = if index == 0 { "needs the next" } else { "which needs the next" };
        let text = if count == 1 { "needs the other" } else { text };
        report.labels.push(Label { place, text: text.to_owned() });
    }
    if libraries > 0 {
        report.notes.push(format!("the cycle also goes through {libraries} places in libraries"));
    }
}
