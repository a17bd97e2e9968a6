//! Code lenses: which module system a file is part of, and who sets the options that it declares.

use std::fmt::Write as _;

use eval::db::{self, Db, File};
use eval::module_bindings;
use syntax::TextRange;

use super::Knowledge;
use super::cursor::Part;
use super::option_sites;
use super::project::Project;
use super::role::Role;

/// How many options of one file are counted.
const OPTIONS_MAX: usize = 200;

/// A line above a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLens {
    /// What it is about.
    pub range: TextRange,
    /// What it says.
    pub title: String,
    /// What happens when it is chosen.
    pub action: LensAction,
}

/// What a lens does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LensAction {
    /// Lets the user choose among the roles of the file, by these titles.
    ChooseRole(Vec<String>),
    /// Shows who sets the option.
    ShowDefinitions,
}

/// Returns the lenses of a file; `roles` are all that it may have, the one in use first.
pub fn code_lenses(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    roles: &[Role],
) -> Vec<CodeLens> {
    let tree = db::tree(db, file);
    let mut lenses = Vec::new();
    if let Some(role) = roles.first() {
        let titles: Vec<String> = roles.iter().map(Role::title).collect();
        let mut title = role.title();
        if titles.len() > 1 {
            let _ = write!(title, " · 1 of {}", titles.len());
        }
        let range = TextRange::empty(0.into());
        lenses.push(CodeLens { range, title, action: LensAction::ChooseRole(titles) });
    }
    let bindings = module_bindings::module_bindings(tree);
    let declared: Vec<_> = bindings
        .into_iter()
        .filter(|it| it.path.first().is_some_and(|first| first == "options"))
        .filter(|it| it.value_range.is_some_and(|value| declares(tree.text(value))))
        .take(OPTIONS_MAX)
        .collect();
    if declared.is_empty() {
        return lenses;
    }
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    for binding in declared {
        let path: Vec<Part> = binding.path.iter().skip(1).cloned().map(Part::Name).collect();
        let all = option_sites::bindings_of_option(&files, &path);
        let count = all.iter().filter(|it| !it.is_declared).count();
        let title = match count {
            0 => "set by nobody here".to_owned(),
            1 => "1 definition".to_owned(),
            count => format!("{count} definitions"),
        };
        let (range, action) = (binding.name_range, LensAction::ShowDefinitions);
        lenses.push(CodeLens { range, title, action });
    }
    lenses
}

/// Whether a value is a call that declares an option.
fn declares(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    let function = text.split_whitespace().next().unwrap_or_default();
    let name = function.rsplit('.').next().unwrap_or_default();
    name.starts_with("mk") && name.ends_with("Option")
}
