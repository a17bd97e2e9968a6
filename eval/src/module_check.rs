//! All that is wrong with the definitions of a configuration, not only what stopped it.
//!
//! A module system stops at the first error. Here the system is evaluated without its check, and
//! every option that the person's own files define is looked at for itself; names that no module
//! declares, and assertions that do not hold, come with them.

use std::collections::BTreeSet;
use std::ops::Bound;

use syntax::TextRange;

use crate::blame::{self, Files};
use crate::error::{ErrorKind, EvalError, Result, code};
use crate::heap::{Attrs, AttrsBuilder, Kind, Lazy, Slot, Value};
use crate::interpret::{Eval, Group, Subject};
use crate::module_error::{self, Definition, ModuleError};
use crate::report::{Label, Report};
use crate::select;
use crate::source::{HOST, Origin, Position, SourcePath};
use crate::suggestion;

/// The most errors that are told at once.
const REPORTS_MAX: usize = 20;

/// How many files of a configuration are looked at.
const FILES_MAX: usize = 500;

/// How deep, and how many values inside a definition are looked at.
const DEPTH_MAX: usize = 2;
const VALUES_MAX: usize = 256;

/// How many whole paths are suggested.
const SUGGESTIONS_MAX: usize = 3;

/// Returns the reports of all errors in the definitions of a configuration, in the order of the
/// text: `first`, that stopped `system`, and those that an observed evaluation of it shows besides.
/// `configuration` is the file that everything starts from; with
/// `is_whole` the whole system is wanted, and its assertions count.
///
/// # Errors
///
/// If the evaluation is cancelled.
pub fn reports<'h>(
    eval: &mut Eval<'h>,
    first: &EvalError,
    system: Value<'h>,
    configuration: Option<&SourcePath>,
    is_whole: bool,
) -> Result<Vec<Report>> {
    let mut check = Check::default();
    let mut names: Vec<String> = configuration.iter().map(|path| path.display()).collect();
    add_imported(eval, system.as_attrs(), &mut names)?;
    let files = check.own_files(eval, names);
    check.all(eval, first, system, &files, is_whole)
}

/// Returns the reports of all errors in the definitions of the module system that was selected
/// from last, which `first` stopped; `None` if there is none, or the error is not one of modules.
/// With `is_whole` its assertions count.
///
/// # Errors
///
/// If the evaluation is cancelled.
pub fn reports_of_selected(
    eval: &mut Eval<'_>,
    first: &EvalError,
    is_whole: bool,
) -> Result<Option<Vec<Report>>> {
    let is_wanted = is_of_modules(first);
    if !is_wanted {
        return Ok(None);
    }
    let Some(attrs) = system_of(eval, first)? else { return Ok(None) };
    let system = Value::attrs(attrs);
    let unchecked = match attrs.named(b"extendModules") {
        Some(_) if !eval.is_observing() => without_check(eval, system)?,
        _ => Some(system),
    };
    let Some(unchecked) = unchecked else { return Ok(None) };
    let mut check = Check::default();
    let mut names = Vec::new();
    // What is selected from may be less than the library's function returned.
    for system in [unchecked.as_attrs(), Some(attrs)].into_iter().flatten() {
        if let Some(graph) = get(eval, system, b"graph")?.and_then(Value::as_list) {
            graph_files(eval, graph, &mut names)?;
            break;
        }
    }
    let module = module_error::read(&first.message).unwrap_or_default();
    names.extend(module.definitions.into_iter().map(|definition| definition.file));
    names.retain(|name| check.is_own(eval, name));
    add_imported(eval, Some(attrs), &mut names)?;
    let files = check.own_files(eval, names);
    check.all(eval, first, unchecked, &files, is_whole).map(Some)
}

/// Whether an error is about definitions or declarations of a module system.
pub fn is_of_modules(error: &EvalError) -> bool {
    code::of(error).starts_with('M') && error.kind != ErrorKind::InfiniteRecursion
}

/// Whether an error is one in the words of a module library, which an observed evaluation of its
/// system meets again.
pub fn is_told_by_library(error: &EvalError) -> bool {
    module_error::read(&error.message).is_some()
}

/// Whether an observed evaluation has met an error again, or all assertions that do not hold.
pub fn is_explained(eval: &Eval<'_>, first: &EvalError, reports: &[Report]) -> bool {
    eval.has_noted(first) || reports.iter().any(|report| matches!(report.code, "M0401" | "M0402"))
}

/// Returns the module system that an error is one of: what was selected from last on the command
/// line, else the first one that has the option in question.
fn system_of<'h>(eval: &mut Eval<'h>, error: &EvalError) -> Result<Option<Attrs<'h>>> {
    if let Some(system) = eval.known.module_system {
        return Ok(system.as_attrs());
    }
    let systems = eval.systems();
    let module = module_error::read(&error.message).unwrap_or_default();
    eval.be_lenient();
    for system in &systems {
        let options = get(eval, *system, b"options")?.and_then(Value::as_attrs);
        let Some(options) = options else { continue };
        let length = module.option.len();
        let is_in = match find(eval, options, &module.option)? {
            Found::Option(..) => true,
            Found::Missing(index) => index > 0 && index + 1 == length,
            Found::Names => false,
        };
        if is_in {
            return Ok(Some(*system));
        }
    }
    Ok(systems.first().copied())
}

impl<'h> Eval<'h> {
    /// Takes note of a set that something is selected from, if it is a module system.
    ///
    /// # Errors
    ///
    /// The error that is looked into: what is wrong with the system can be asked for now.
    pub(crate) fn note_module_system(&mut self, attrs: Attrs<'h>) -> Result<()> {
        if attrs.named(b"options").is_none() || attrs.named(b"config").is_none() {
            return Ok(());
        }
        self.known.module_system = Some(Value::attrs(attrs));
        match self.looked_into() {
            Some(error) => Err(Box::new(error.clone())),
            None => Ok(()),
        }
    }
}

/// Returns a module system without the check that stops at names nobody declares.
fn without_check<'h>(eval: &mut Eval<'h>, system: Value<'h>) -> Result<Option<Value<'h>>> {
    const TEXT: &[u8] = b"s: s.extendModules { modules = [ { _module.check = false; } ]; }";
    let directory = SourcePath::new(HOST, &eval.settings().directory);
    let function = eval.evaluate(Origin::String(directory), TEXT)?;
    match eval.call(function, &[Lazy::from(system)]) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        Err(_) => Ok(None),
    }
}

/// Collects the files of the modules of a graph that are not disabled.
fn graph_files<'h>(
    eval: &mut Eval<'h>,
    graph: &'h [Slot<'h>],
    names: &mut Vec<String>,
) -> Result<()> {
    for slot in graph {
        let Some(node) = attempt(eval, slot)?.and_then(Value::as_attrs) else { continue };
        if get(eval, node, b"disabled")?.and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let file = get(eval, node, b"file")?.and_then(path_text);
        names.extend(file.filter(|file| !names.contains(file)));
        if let Some(imports) = get(eval, node, b"imports")?.and_then(Value::as_list) {
            eval.deeper(|eval| graph_files(eval, imports, names))?;
        }
    }
    Ok(())
}

/// What tells two errors apart.
fn key(module: &ModuleError) -> (&'static str, Vec<String>, Option<module_error::Element>) {
    // That a definition has the wrong type is said once, however the element is called.
    (module.code, module.option.clone(), module.element)
}

#[derive(Default)]
struct Check {
    files: Files,
    found: Vec<Report>,
    seen: BTreeSet<(&'static str, Vec<String>, Option<module_error::Element>)>,
}

/// What is at a path of the option tree.
enum Found<'h> {
    /// An option, and how many names of the path lead to it.
    Option(Attrs<'h>, usize),
    /// The name of this index is not there.
    Missing(usize),
    /// More options.
    Names,
}

impl Check {
    /// Returns the reports of all errors in the definitions that `files` make, and `first`.
    fn all<'h>(
        mut self,
        eval: &mut Eval<'h>,
        first: &EvalError,
        unchecked: Value<'h>,
        files: &[String],
        is_whole: bool,
    ) -> Result<Vec<Report>> {
        eval.be_lenient();
        let part = |eval: &mut Eval<'h>, name: &[u8]| -> Result<Option<Attrs<'h>>> {
            let Some(system) = unchecked.as_attrs() else { return Ok(None) };
            Ok(get(eval, system, name)?.and_then(Value::as_attrs))
        };
        let options = part(eval, b"options")?;
        let config = part(eval, b"config")?;
        let module = module_error::read(&first.message).unwrap_or_default();
        if let Some(options) = options.filter(|_| eval.is_observing()) {
            // What the error is about is noted where it is met again.
            check_names(eval, config, &module.option)?;
            if let Found::Option(option, length) = find(eval, options, &module.option)? {
                let inside = module.option.get(length..).unwrap_or_default();
                Check::default().option(eval, option, inside)?;
            }
        }
        let is_assertion = module.code == "M0401";
        if !is_assertion {
            let report = match options {
                Some(options) if module.code == "M0201" => {
                    self.unknown(eval, options, module.clone())?
                }
                _ => blame::report(eval, first),
            };
            self.add(key(&module), report);
        }
        if let Some(options) = options {
            self.definitions(eval, options, config, files)?;
            self.unknown_names(eval, options)?;
        }
        if let Some(config) = config.filter(|_| is_assertion || is_whole) {
            self.assertions(eval, options, config)?;
        }
        if self.found.is_empty() {
            self.found.push(blame::report(eval, first));
        }
        let place = |report: &Report| {
            let place = report.place.as_ref();
            place.map(|place| (place.is_library, place.file.clone(), place.line, place.column))
        };
        self.found.sort_by_key(|report| (report.place.is_none(), place(report)));
        Ok(self.found)
    }

    fn add(
        &mut self,
        key: (&'static str, Vec<String>, Option<module_error::Element>),
        report: Report,
    ) {
        if self.found.len() < REPORTS_MAX && self.seen.insert(key) {
            self.found.push(report);
        }
    }

    /// Looks at every option that the person's files define.
    fn definitions<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        options: Attrs<'h>,
        config: Option<Attrs<'h>>,
        files: &[String],
    ) -> Result<()> {
        let is_free = is_free(eval, config)?;
        let mut done: BTreeSet<Vec<String>> = BTreeSet::new();
        for file in files {
            let paths = self.files.defined(eval, file);
            let all: BTreeSet<Vec<String>> = paths.iter().map(|path| names_of(path)).collect();
            for path in paths {
                let names = names_of(&path);
                // What a set says is looked at name by name.
                let after = (Bound::Excluded(&names), Bound::Unbounded);
                let next = all.range::<Vec<String>, _>(after).next();
                if eval.is_observing() && next.is_some_and(|next| next.starts_with(&names)) {
                    continue;
                }
                if eval.is_observing() {
                    check_names(eval, config, &names)?;
                }
                match find(eval, options, &names)? {
                    Found::Missing(index) if !is_free && !eval.is_observing() => {
                        let names = names.get(..=index).unwrap_or(&names).to_vec();
                        let range = path.get(index).map(|(_, range)| *range);
                        self.unknown_here(eval, options, names, file, range)?;
                    }
                    Found::Option(option, length) => {
                        let inside = names.get(length..).unwrap_or_default().to_vec();
                        if done.insert(names) {
                            self.option(eval, option, &inside)?;
                        }
                    }
                    Found::Missing(_) | Found::Names => {}
                }
            }
        }
        Ok(())
    }

    /// Reports the names that no module declares, as far as the library has met them.
    fn unknown_names<'h>(&mut self, eval: &mut Eval<'h>, options: Attrs<'h>) -> Result<()> {
        for message in eval.noted() {
            let Some(module) = module_error::read(&message).filter(|it| it.code == "M0201") else {
                continue;
            };
            for module in blame::unmatched(eval, &module) {
                let key = key(&module);
                let report = self.unknown(eval, options, module)?;
                if report.place.as_ref().is_some_and(|place| !place.is_library) {
                    self.add(key, report);
                }
            }
        }
        Ok(())
    }

    /// Whether a file is the person's own.
    fn is_own(&mut self, eval: &mut Eval<'_>, name: &str) -> bool {
        let path = self.files.get(eval, name).map(|(path, _)| path.clone());
        path.is_some_and(|path| !blame::is_library(eval, &path))
    }

    /// Returns `files` and those of the person's own that they import by their paths.
    fn own_files(&mut self, eval: &mut Eval<'_>, mut files: Vec<String>) -> Vec<String> {
        let mut next = 0;
        while let Some(file) = files.get(next).cloned() {
            next += 1;
            for import in self.files.imports(eval, &file) {
                let own = self.files.get(eval, &import).map(|(path, _)| path.clone());
                let is_own = own.is_some_and(|path| !blame::is_library(eval, &path));
                if is_own && !files.contains(&import) && files.len() < FILES_MAX {
                    files.push(import);
                }
            }
        }
        files
    }

    /// Evaluates an option and what is at a path inside its value, and keeps what is wrong with it.
    ///
    /// Values beside that path may be large, such as all files of a system.
    fn option<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        option: Attrs<'h>,
        inside: &[String],
    ) -> Result<()> {
        let Some(mut slot) = option.named(b"value") else { return Ok(()) };
        for name in inside {
            let value = match eval.force(slot) {
                Ok(value) => value,
                Err(error) => return self.failed(eval, &error),
            };
            let next = value.as_attrs().and_then(|attrs| attrs.named(name.as_bytes()));
            let Some(next) = next else { break };
            slot = next;
        }
        let mut left = VALUES_MAX;
        self.value(eval, slot, DEPTH_MAX, &mut left)
    }

    fn value<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        slot: &'h Slot<'h>,
        depth: usize,
        left: &mut usize,
    ) -> Result<()> {
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        let value = match eval.force(slot) {
            Ok(value) => value,
            Err(error) => return self.failed(eval, &error),
        };
        if depth == 0 {
            return Ok(());
        }
        match value.kind() {
            Kind::List(elements) => {
                for element in elements {
                    self.value(eval, element, depth - 1, left)?;
                }
            }
            // A package is no set of options.
            Kind::Attrs(attrs)
                if attrs.named(b"type").is_none() && attrs.named(b"_type").is_none() =>
            {
                for attr in attrs.iter_by_name(eval.heap()) {
                    self.value(eval, attr.slot, depth - 1, left)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps an error, if it is one of the definitions.
    fn failed(&mut self, eval: &mut Eval<'_>, error: &EvalError) -> Result<()> {
        if error.kind == ErrorKind::Cancelled {
            return Err(Box::new(error.clone()));
        }
        let Some(module) = module_error::read(&error.message) else { return Ok(()) };
        // What nobody asks for need not be defined.
        if module.code == "M0202" {
            return Ok(());
        }
        let report = blame::of_module(eval, &mut self.files, &module);
        if report.place.as_ref().is_some_and(|place| !place.is_library) {
            self.add(key(&module), report);
        }
        Ok(())
    }

    /// Reports a name that no module declares, where the person's file writes it.
    fn unknown_here<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        options: Attrs<'h>,
        names: Vec<String>,
        file: &str,
        range: Option<TextRange>,
    ) -> Result<()> {
        let definition = Definition { file: file.to_owned(), value: String::new() };
        let module = ModuleError {
            code: "M0201",
            option: names,
            definitions: vec![definition],
            ..ModuleError::default()
        };
        let key = key(&module);
        let mut report = self.unknown(eval, options, module)?;
        if let Some(place) = range.and_then(|range| self.files.place(eval, file, range)) {
            report.place = Some(place);
        }
        self.add(key, report);
        Ok(())
    }

    /// Describes a name that no module declares, with what may have been meant.
    fn unknown<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        options: Attrs<'h>,
        mut module: ModuleError,
    ) -> Result<Report> {
        let near = near_misses(eval, options, &module.option)?;
        if !near.is_empty() {
            module.suggestions = near;
        }
        let mut report = blame::of_module(eval, &mut self.files, &module);
        let sibling = report.suggestions.first().and_then(|name| select::parse_path(name).ok());
        if let Some(path) = sibling
            && let Found::Option(option, _) = find(eval, options, &path)?
            && let Some(place) = declared(eval, option)?
        {
            let name = select::show_path(&path);
            report.notes.push(format!("`{name}` is declared in {place}"));
        }
        if report.suggestions.len() == 1 {
            // The label says it already.
            let name = report.suggestions.remove(0);
            let parent = module.option.split_last().map(|(_, parent)| parent.to_vec());
            let is_sibling = select::parse_path(&name)
                .is_ok_and(|path| path.split_last().map(|(_, it)| it.to_vec()) == parent);
            if !is_sibling {
                report.suggestions.push(name);
            }
        }
        Ok(report)
    }

    /// Reports the assertions that do not hold.
    fn assertions<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        options: Option<Attrs<'h>>,
        config: Attrs<'h>,
    ) -> Result<()> {
        let list = get(eval, config, b"assertions")?.and_then(Value::as_list);
        for slot in list.unwrap_or_default() {
            let Some(assertion) = attempt(eval, slot)?.and_then(Value::as_attrs) else { continue };
            let holds = get(eval, assertion, b"assertion")?.and_then(Value::as_bool);
            if holds != Some(false) {
                continue;
            }
            let message = get(eval, assertion, b"message")?.and_then(Value::as_string);
            let Some(message) = message.map(|text| text.to_text().into_owned()) else { continue };
            if let Some(options) = options {
                note_definitions(eval, options, message.trim())?;
            }
            let report = self.assertion(eval, message.trim());
            self.add(("M0401", vec![message], None), report);
        }
        Ok(())
    }

    fn assertion(&mut self, eval: &mut Eval<'_>, message: &str) -> Report {
        if let Some(module) = module_error::read(message) {
            return blame::of_module(eval, &mut self.files, &module);
        }
        Report {
            code: "M0401",
            kind: ErrorKind::Thrown,
            message: format!("an assertion does not hold: {message}"),
            ..Report::default()
        }
    }
}

/// Adds the person's own files that an observed evaluation has imported.
///
/// # Errors
///
/// If the evaluation is cancelled.
fn add_imported<'h>(
    eval: &mut Eval<'h>,
    system: Option<Attrs<'h>>,
    names: &mut Vec<String>,
) -> Result<()> {
    let Some(system) = system.filter(|_| eval.is_observing()) else { return Ok(()) };
    // All modules are imported where it is known what options there are.
    get(eval, system, b"options")?;
    for path in eval.imported_files() {
        let name = path.display();
        if !blame::is_library(eval, &path) && !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(())
}

/// Marks where the person's files define the options that the message of a report names.
pub fn mark_named(eval: &mut Eval<'_>, configuration: &SourcePath, reports: &mut [Report]) {
    let mut check = Check::default();
    let files = check.own_files(eval, vec![configuration.display()]);
    for report in reports.iter_mut().filter(|it| it.code == "M0401" && it.place.is_none()) {
        let message = report.message.clone();
        let named = message.split(['`', '\'', '‘', '’', '"']).filter(|it| {
            it.contains('.') && !it.contains(char::is_whitespace) && !it.starts_with('/')
        });
        for name in named {
            let Ok(path) = select::parse_path(name) else { continue };
            for file in &files {
                let found = check.files.values(eval, file, &path, None);
                let exact = found.iter().find(|it| it.is_exact).map(|it| it.range);
                let place = exact.and_then(|range| check.files.place(eval, file, range));
                match (place, &report.place) {
                    (Some(place), None) => report.place = Some(place),
                    (Some(place), Some(first)) if place != *first => {
                        report.labels.push(Label { place, text: String::new() });
                    }
                    _ => {}
                }
            }
        }
    }
}

fn names_of(path: &[(String, TextRange)]) -> Vec<String> {
    path.iter().map(|(name, _)| name.clone()).collect()
}

/// Has the library check the names that a path goes through.
fn check_names<'h>(eval: &mut Eval<'h>, config: Option<Attrs<'h>>, path: &[String]) -> Result<()> {
    let mut node = config;
    for name in path {
        let slot = node.and_then(|node| node.named(name.as_bytes()));
        let Some(slot) = slot else { break };
        node = attempt(eval, slot)?.and_then(Value::as_attrs);
    }
    Ok(())
}

/// Takes note of the definitions of the option that a message is about, as its module system has
/// them.
fn note_definitions<'h>(eval: &mut Eval<'h>, options: Attrs<'h>, message: &str) -> Result<()> {
    let Some(module) = module_error::read(message) else { return Ok(()) };
    let Found::Option(option, _) = find(eval, options, &module.option)? else { return Ok(()) };
    let values = get(eval, option, b"definitions")?.and_then(Value::as_list).unwrap_or_default();
    let files = get(eval, option, b"files")?.and_then(Value::as_list).unwrap_or_default();
    let set = |(file, value): (&'h Slot<'h>, &'h Slot<'h>)| {
        let mut set = AttrsBuilder::with_capacity(2);
        set.push_named("file", Lazy::from_slot(file));
        set.push_named("value", Lazy::from_slot(value));
        set.finish(eval.heap())
    };
    let definitions: Vec<_> = files.iter().zip(values).map(set).collect();
    let groups = vec![Group::Frame(definitions)];
    eval.note(message, Subject { groups, name: None, thrown_at: Position::NONE });
    Ok(())
}

/// Whether a system takes any names at its top.
fn is_free<'h>(eval: &mut Eval<'h>, config: Option<Attrs<'h>>) -> Result<bool> {
    let Some(config) = config else { return Ok(false) };
    let module = get(eval, config, b"_module")?.and_then(Value::as_attrs);
    let Some(module) = module else { return Ok(false) };
    let free = get(eval, module, b"freeformType")?;
    Ok(free.is_some_and(|free| !matches!(free.kind(), Kind::Null)))
}

/// Follows a path into the option tree.
fn find<'h>(eval: &mut Eval<'h>, options: Attrs<'h>, path: &[String]) -> Result<Found<'h>> {
    let mut node = options;
    for (index, name) in path.iter().enumerate() {
        let Some(slot) = node.named(name.as_bytes()) else { return Ok(Found::Missing(index)) };
        let Some(next) = attempt(eval, slot)?.and_then(Value::as_attrs) else {
            return Ok(Found::Names);
        };
        if is_option(eval, next)? {
            return Ok(Found::Option(next, index + 1));
        }
        node = next;
    }
    Ok(Found::Names)
}

fn is_option<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<bool> {
    let kind = get(eval, attrs, b"_type")?.and_then(Value::as_string);
    Ok(kind.is_some_and(|kind| kind.bytes() == b"option"))
}

/// Returns options that may have been meant: the nearest of the same set, else the same name or
/// nearly the same path elsewhere.
fn near_misses<'h>(
    eval: &mut Eval<'h>,
    options: Attrs<'h>,
    path: &[String],
) -> Result<Vec<String>> {
    let Some((last, parent)) = path.split_last() else { return Ok(Vec::new()) };
    let mut node = Some(options);
    for name in parent {
        let Some(slot) = node.and_then(|node| node.named(name.as_bytes())) else {
            node = None;
            break;
        };
        node = attempt(eval, slot)?.and_then(Value::as_attrs);
    }
    if let Some(node) = node {
        let names: Vec<String> = node
            .iter_by_name(eval.heap())
            .map(|attr| attr.name.to_text().into_owned())
            .filter(|name| name != "_module")
            .collect();
        if let Some(near) = suggestion::nearest(last, names.iter().map(String::as_str)) {
            let mut whole = parent.to_vec();
            whole.push(near.to_owned());
            return Ok(vec![select::show_path(&whole)]);
        }
    }
    let mut paths = Vec::new();
    all_paths(eval, options, &mut Vec::new(), &mut paths)?;
    let wanted = select::show_path(path);
    let score = |found: &Vec<String>| -> Option<(usize, String)> {
        let text = select::show_path(found);
        let distance = suggestion::distance(wanted.as_bytes(), text.as_bytes());
        let has_name = last.len() > 3 && found.contains(last) && last != "enable";
        let shared = found.iter().filter(|name| path.contains(name)).count();
        match (distance <= 3, has_name && (shared > 1 || path.len() == 1)) {
            (true, _) => Some((distance, text)),
            (false, true) => Some((100 - shared.min(90), text)),
            (false, false) => None,
        }
    };
    let mut best: Vec<(usize, String)> = paths.iter().filter_map(score).collect();
    best.sort_unstable();
    Ok(best.into_iter().take(SUGGESTIONS_MAX).map(|(_, text)| text).collect())
}

/// Collects the paths of all options.
fn all_paths<'h>(
    eval: &mut Eval<'h>,
    node: Attrs<'h>,
    path: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> Result<()> {
    const NAMES_MAX: usize = 12;
    for attr in node.iter_by_name(eval.heap()) {
        let Some(next) = attempt(eval, attr.slot)?.and_then(Value::as_attrs) else { continue };
        path.push(attr.name.to_text().into_owned());
        if is_option(eval, next)? {
            paths.push(path.clone());
        } else if path.len() < NAMES_MAX {
            all_paths(eval, next, path, paths)?;
        }
        path.pop();
    }
    Ok(())
}

/// Returns where an option is declared, as its module system tells it.
fn declared<'h>(eval: &mut Eval<'h>, option: Attrs<'h>) -> Result<Option<String>> {
    let precise = get(eval, option, b"declarationPositions")?.and_then(Value::as_list);
    if let Some(slot) = precise.and_then(|list| list.first())
        && let Some(place) = attempt(eval, slot)?.and_then(Value::as_attrs)
    {
        let line = get(eval, place, b"line")?.and_then(Value::as_int);
        let file = get(eval, place, b"file")?;
        if let (Some(line), Some(file)) = (line, file) {
            return Ok(path_text(file).map(|file| format!("{file}:{line}")));
        }
    }
    let files = get(eval, option, b"declarations")?.and_then(Value::as_list);
    let Some(slot) = files.and_then(|list| list.first()) else { return Ok(None) };
    Ok(attempt(eval, slot)?.and_then(path_text))
}

/// Returns a string or a path as text.
fn path_text(value: Value<'_>) -> Option<String> {
    match value.kind() {
        Kind::String(text) => Some(text.to_text().into_owned()),
        Kind::Path(path) => Some(SourcePath::new(path.root, path.bytes).display()),
        _ => None,
    }
}

/// Returns an attribute's value; `None` if it is missing or fails.
fn get<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &[u8]) -> Result<Option<Value<'h>>> {
    match attrs.named(name) {
        Some(slot) => attempt(eval, slot),
        None => Ok(None),
    }
}

fn attempt<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<Option<Value<'h>>> {
    match eval.force(slot) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        Err(_) => Ok(None),
    }
}
