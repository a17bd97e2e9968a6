//! Where modules declare and define options: lines and columns, found by the text of their files.
//!
//! Module systems know the file of a definition and no more. The binding of the option's path in
//! that file is what the person wrote.

use eval::interpret::Eval;
use eval::module_bindings;
use eval::option_tree::Place;
use eval::source::SourcePath;
use eval::system::FileType;
use syntax::LineIndex;

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

#[cfg(test)]
mod tests {
    use super::locate;

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
}
