//! Where modules declare and define options: lines and columns, found by the text of their files.
//!
//! Module systems know the file of a definition and no more. The binding of the option's path in
//! that file is what the person wrote.

use crate::evaluation::is_library;
use eval::interpret::Eval;
use eval::module_bindings;
use eval::option_tree::Place;
use eval::report::{self, Code, Report};
use eval::select;
use eval::source::SourcePath;
use eval::system::FileType;
use syntax::LineIndex;

/// How module systems begin what they say of definitions, in errors and on the way to them.
const DEFINITIONS: &str = "while evaluating definitions from `";
const OPTION: &str = "while evaluating the option `";

/// What comes before the name of an option in errors of module systems, old and new.
const NAMES: [&str; 2] = ["option `", "option value `"];

/// What comes before the name of the file of a definition in them.
const FILES: [&str; 3] = ["- In `", "defined in `", "in `"];

/// Adds line and column to a place where the option at `path` is defined (`config`) or declared
/// (`options`), as `part` says.
///
/// A place that is known already, and a file that does not write it down as such, stay as they are.
pub(crate) fn complete(eval: &mut Eval<'_>, part: &str, path: &[String], place: Place) -> Place {
    if place.line.is_some() {
        return place;
    }
    let found = read(eval, &place.file).and_then(|(source, text)| {
        let (line, column) = locate(&text, part, path)?;
        Some(Place { file: source.display(), line: Some(line), column: Some(column) })
    });
    found.unwrap_or(place)
}

/// Adds lines and columns of the person's definitions to an error and the way to it.
pub(crate) fn complete_report(eval: &mut Eval<'_>, report: &mut Report) {
    let mut option: Option<String> = None;
    for step in &mut report.steps {
        if let Some(name) = step.text.strip_prefix(OPTION).and_then(up_to_quote) {
            option = Some(name.to_owned());
        }
        let file = step.text.strip_prefix(DEFINITIONS).and_then(up_to_quote);
        if let (None, Some(name), Some(file)) = (&step.place, &option, file) {
            step.place = own_place(eval, name, file);
        }
    }
    if report.place.as_ref().is_none_or(|place| place.is_library) {
        let message = report.message.clone();
        let name = NAMES.iter().find_map(|mark| quoted_after(&message, mark));
        let file = FILES.iter().find_map(|mark| quoted_after(&message, mark));
        if let (Some(name), Some(file)) = (name, file)
            && let Some(place) = own_place(eval, name, file)
        {
            report.place = Some(place);
        }
    }
}

/// Returns where the person's `file` defines the option `name`.
fn own_place(eval: &mut Eval<'_>, name: &str, file: &str) -> Option<report::Place> {
    let (source, text) = read(eval, file)?;
    if is_library(eval, &source) {
        return None;
    }
    let (line, column) = locate(&text, "config", &select::parse_path(name).ok()?)?;
    let code = Code::around(&text, line);
    Some(report::Place { file: source.display(), line, column, code, is_library: false })
}

/// Reads a file as the module system names it.
fn read(eval: &mut Eval<'_>, file: &str) -> Option<(SourcePath, Vec<u8>)> {
    let mut source = SourcePath::parse_display(file)?;
    if matches!(eval.file_type(&source), Ok(Some(FileType::Directory))) {
        let bytes = [&source.bytes, b"/default.nix".as_slice()].concat();
        source = SourcePath::new(source.root, &bytes);
    }
    let text = eval.read_file(&source).ok()?;
    Some((source, text))
}

/// Returns line and column, from 1, of the binding in a module that writes down `path`.
fn locate(text: &[u8], part: &str, path: &[String]) -> Option<(u32, u32)> {
    let (tree, _) = syntax::parse_flat(text, syntax::Options::DEFAULT);
    let bindings = module_bindings::module_bindings(&tree);
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let range = match module_bindings::find(&bindings, part, &names) {
        Some(binding) => binding.name_range,
        None if part == "config" => module_bindings::find_indirect(&tree, &names)?,
        None => return None,
    };
    let index = LineIndex::new(text);
    let start = range.start();
    let line = index.line(start);
    let column = u32::from(start - index.line_range(line).start());
    Some((line + 1, column + 1))
}

fn quoted_after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(mark)?;
    up_to_quote(rest)
}

/// Returns a text up to the quote that ends it; older and newer module systems differ in that.
fn up_to_quote(text: &str) -> Option<&str> {
    let end = text.find(['\'', '`'])?;
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::{FILES, NAMES, locate, quoted_after};

    fn found(text: &[u8], path: &str) -> Option<(u32, u32)> {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        locate(text, "config", &path)
    }

    #[test]
    fn the_nearest_binding_is_the_definition() {
        let text = b"{ lib, ... }:\n{\n  services.nginx = {\n    enable = true;\n  };\n}\n";
        assert_eq!(found(text, "services.nginx.enable"), Some((4, 5)));
        assert_eq!(found(text, "services.nginx.user"), Some((3, 3)));
        assert_eq!(found(text, "time.zone"), None);
    }

    #[test]
    fn what_an_imported_function_defines_is_defined_by_the_import() {
        let text = b"{\n  imports = [\n    ./x.nix\n    (f 1)\n  ];\n}\n";
        assert_eq!(found(text, "warnings"), Some((2, 3)));
        let text = b"{\n  imports = [ ./x.nix ];\n}\n";
        assert_eq!(found(text, "warnings"), None);
        let text = b"[ 1 ] ++ f {\n  a.b = 2;\n}\n";
        assert_eq!(found(text, "a.b"), Some((2, 3)));
    }

    #[test]
    fn errors_of_module_systems_name_option_and_file() {
        let errors = [
            "The option `a.b' does not exist. Definition values:\n- In `/c.nix':\n    true",
            "A definition for option `a.b' is not of type `boolean'. Definition values:\n\
             - In `/c.nix': 1",
            "The option `a.b' defined in `/c.nix' does not exist.",
            "The option value `a.b' in `/c.nix' is not of type `boolean'.",
        ];
        for error in errors {
            let first = |marks: &[&str]| marks.iter().find_map(|mark| quoted_after(error, mark));
            assert_eq!(first(&NAMES), Some("a.b"), "{error}");
            assert_eq!(first(&FILES), Some("/c.nix"), "{error}");
        }
    }
}
