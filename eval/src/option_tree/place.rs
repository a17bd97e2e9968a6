//! Lines and columns of declarations that only name their file: found in its text.
//!
//! Older module systems tell the file of a declaration and no more. The binding of the option's
//! path in that file is what its author wrote.

use std::collections::BTreeMap;

use syntax::{LineIndex, Options, TextRange};

use super::collect::caught;
use super::{OptionNode, Place};
use crate::error::Result;
use crate::interpret::Eval;
use crate::module_bindings::{self, ModuleBinding};
use crate::source::SourcePath;
use crate::system::FileType;

/// Adds lines and columns to the places below `node`, whose path is `path`.
///
/// # Errors
///
/// If the evaluation is cancelled or out of memory.
pub(super) fn complete(eval: &mut Eval<'_>, node: &mut OptionNode, path: &[&str]) -> Result<()> {
    let mut files = Files::default();
    let mut path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
    files.node(eval, node, &mut path)
}

/// The files that were read, each once; `None` where one cannot be.
#[derive(Default)]
pub(super) struct Files {
    by_name: BTreeMap<String, Option<ModuleFile>>,
}

struct ModuleFile {
    bindings: Vec<ModuleBinding>,
    /// Declarations anywhere, those in submodules and functions included.
    declarations: Vec<ModuleBinding>,
    lines: LineIndex,
}

impl Files {
    fn node(
        &mut self,
        eval: &mut Eval<'_>,
        node: &mut OptionNode,
        path: &mut Vec<String>,
    ) -> Result<()> {
        if let Some(option) = &mut node.option {
            for place in &mut option.declarations {
                self.locate(eval, place, "options", path)?;
            }
            for place in &mut option.definitions {
                self.locate(eval, place, "config", path)?;
            }
            if let Some(sub) = &mut option.sub {
                // The module of a submodule counts its paths from itself.
                self.node(eval, &mut sub.node, &mut Vec::new())?;
            }
        }
        for (name, child) in &mut node.children {
            path.push(name.clone());
            let done = self.node(eval, child, path);
            path.pop();
            done?;
        }
        Ok(())
    }

    /// Adds the line and column of the binding for `path` to a place that only names its file.
    ///
    /// # Errors
    ///
    /// If the evaluation is cancelled or out of memory.
    pub(super) fn locate(
        &mut self,
        eval: &mut Eval<'_>,
        place: &mut Place,
        prefix: &str,
        path: &[String],
    ) -> Result<()> {
        if place.line.is_some() {
            return Ok(());
        }
        if !self.by_name.contains_key(&place.file) {
            let file = read(eval, &place.file)?;
            self.by_name.insert(place.file.clone(), file);
        }
        let Some(Some(file)) = self.by_name.get(&place.file) else { return Ok(()) };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let found = module_bindings::find(&file.bindings, prefix, &path);
        let is_whole =
            found.is_some_and(|it| it.path.last().map(String::as_str) == path.last().copied());
        let declared = match prefix {
            "options" if !is_whole => file.declaration(&path),
            _ => None,
        };
        if let Some(binding) = declared.or(found) {
            let (line, column) = file.position(binding.name_range);
            place.line = Some(line);
            place.column = Some(column);
        }
        Ok(())
    }
}

impl ModuleFile {
    /// Returns the one declaration whose names fit the end of `path` best.
    fn declaration(&self, path: &[&str]) -> Option<&ModuleBinding> {
        let fit = |binding: &ModuleBinding| {
            let names = binding.path.iter().rev().zip(path.iter().rev());
            names.take_while(|(a, b)| a == *b).count()
        };
        let best = self.declarations.iter().map(fit).max().filter(|&best| best > 0)?;
        let mut found = self.declarations.iter().filter(|binding| fit(binding) == best);
        let only = found.next();
        if found.next().is_some() { None } else { only }
    }

    fn position(&self, range: TextRange) -> (u32, u32) {
        let line = self.lines.line(range.start());
        let column = u32::from(range.start() - self.lines.line_range(line).start());
        (line + 1, column + 1)
    }
}

fn read(eval: &mut Eval<'_>, name: &str) -> Result<Option<ModuleFile>> {
    let Some(mut path) = SourcePath::parse_display(name) else { return Ok(None) };
    let kind = eval.file_type(&path);
    if caught(eval, kind)? == Some(Some(FileType::Directory)) {
        path = SourcePath::new(path.root, &[&path.bytes, &b"/default.nix"[..]].concat());
    }
    let text = eval.read_file(&path);
    let Some(text) = caught(eval, text)? else { return Ok(None) };
    let (tree, _) = syntax::parse_flat(&text, Options::default());
    let bindings = module_bindings::module_bindings(&tree);
    let lines = LineIndex::new(&text);
    let declarations = module_bindings::option_declarations(&tree);
    Ok(Some(ModuleFile { bindings, declarations, lines }))
}
