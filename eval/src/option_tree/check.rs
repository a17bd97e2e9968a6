//! What a module's text says wrongly of options: names and values that these do not take.
//!
//! Only what the text alone settles is told: literals, and names in sets that certainly become
//! definitions. What stands under a condition that the language decides (`if`, `optionalAttrs`)
//! may not exist at all, so that its names are not judged.

use syntax::{FlatNode, FlatTree, SyntaxKind, TextRange};

use super::value_type::{Mismatch, MismatchKind, ValueKind, ValueType};
use super::{Component, OptionInfo, OptionNode, OptionTree, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::module_bindings::{function_name, is_transparent_call, merges_list};
use crate::suggestion;

/// The names that a module gives a meaning besides its definitions.
pub const MODULE_KEYS: [&str; 11] = [
    "imports",
    "options",
    "config",
    "disabledModules",
    "_file",
    "key",
    "_class",
    "freeformType",
    "_module",
    "meta",
    "require",
];

/// The most values of an enumeration that a message lists.
const VALUES_MAX: usize = 12;

/// Returns what is wrong with the definitions in a module whose options lie at `prefix` of the
/// tree. `declared` are paths of options that are declared in texts which the tree is older than.
pub fn check(
    tree: &FlatTree<'_>,
    options: &OptionTree,
    prefix: &[Component<'_>],
    declared: &[Vec<String>],
) -> Vec<Diagnostic> {
    let (Some(top), Some(node)) = (tree.root().expressions().next(), options.lookup(prefix)) else {
        return Vec::new();
    };
    check_definitions(top, inside(node), declared)
}

/// Returns what is wrong with the definitions in an expression that is a module of these options.
pub fn check_definitions(
    module: FlatNode<'_>,
    options: &OptionNode,
    declared: &[Vec<String>],
) -> Vec<Diagnostic> {
    let path = Vec::new();
    let mut check = Check { found: Vec::new(), path, declared, is_certain: true };
    check.definitions(module, At::Node(options), true);
    let mut found = check.found;
    found.sort_by_key(|it| (it.range.start(), it.range.end(), it.code));
    found.dedup_by(|a, b| (a.range, a.code) == (b.range, b.code));
    found
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum At<'t> {
    /// At an option, or a set of them.
    Node(&'t OptionNode),
    /// In the value of an option.
    Value(&'t OptionInfo, &'t ValueType),
    /// Where nothing is known.
    Unknown,
}

struct Check<'d> {
    found: Vec<Diagnostic>,
    path: Vec<String>,
    declared: &'d [Vec<String>],
    /// Whether the sets around certainly become definitions.
    is_certain: bool,
}

impl<'t> Check<'_> {
    /// Checks an expression that gives definitions.
    fn definitions(&mut self, node: FlatNode<'_>, at: At<'t>, is_module: bool) {
        match node.kind() {
            SyntaxKind::AttrSet => self.set(node, at, is_module, &[]),
            SyntaxKind::Paren => {
                node.expressions().for_each(|it| self.definitions(it, at, is_module));
            }
            SyntaxKind::Lambda if !is_module => {}
            SyntaxKind::Lambda
            | SyntaxKind::LetIn
            | SyntaxKind::WithExpr
            | SyntaxKind::AssertExpr => {
                let last = node.expressions().last();
                if let Some(last) = last {
                    self.definitions(last, at, is_module);
                }
            }
            SyntaxKind::IfElse => self.uncertainly(|this| {
                node.expressions().skip(1).for_each(|it| this.definitions(it, at, is_module));
            }),
            SyntaxKind::BinaryOp if is_update(node) => self.update(node, at, is_module),
            SyntaxKind::Apply if is_transparent_call(node) => self.call(node, at, is_module),
            _ => {}
        }
    }

    fn uncertainly(&mut self, work: impl FnOnce(&mut Self)) {
        let is_certain = std::mem::replace(&mut self.is_certain, false);
        work(self);
        self.is_certain = is_certain;
    }

    fn call(&mut self, node: FlatNode<'_>, at: At<'t>, is_module: bool) {
        let Some(last) = node.children().last() else { return };
        if merges_list(node) {
            if last.kind() == SyntaxKind::List {
                last.expressions().for_each(|it| self.definitions(it, at, is_module));
            }
            return;
        }
        if function_name(node) == Some(b"optionalAttrs") {
            return self.uncertainly(|this| this.definitions(last, at, is_module));
        }
        self.definitions(last, at, is_module);
    }

    /// What the right side of `//` has hides what the left side says of it.
    fn update(&mut self, node: FlatNode<'_>, at: At<'t>, is_module: bool) {
        let mut sides = node.expressions();
        let (Some(left), Some(right)) = (sides.next(), sides.next()) else { return };
        self.definitions(right, at, is_module);
        let mut hidden = Vec::new();
        if !written_names(right, &mut hidden) {
            return;
        }
        let left = left.without_parens();
        match left.kind() {
            SyntaxKind::AttrSet => self.set(left, at, is_module, &hidden),
            _ if hidden.is_empty() => self.definitions(left, at, is_module),
            _ => {}
        }
    }

    fn set(&mut self, set: FlatNode<'_>, at: At<'t>, is_module: bool, hidden: &[String]) {
        let first_names: Vec<String> = set.children().filter_map(first_name).collect();
        let has = |name: &str| first_names.iter().any(|it| it == name);
        // A set that is a submodule's value is all definitions: `config` may be one of its options.
        let has_option =
            matches!(at, At::Node(node) if inside(node).children.contains_key("config"));
        let is_module = is_module && !has_option;
        let is_long = is_module && (has("config") || has("options"));
        let declares = is_module && (has("options") || has("freeformType") || has("imports"));
        let is_certain = self.is_certain;
        // What a submodule declares itself is not in the tree.
        if declares && !self.path.is_empty() {
            self.is_certain = false;
        }
        for entry in set.children() {
            match (entry.kind(), first_name(entry)) {
                (SyntaxKind::Binding, first) => {
                    let first = first.unwrap_or_default();
                    if hidden.contains(&first) {
                        continue;
                    }
                    let is_key = is_module && MODULE_KEYS.contains(&first.as_str());
                    if is_long && first == "config" {
                        self.binding(entry, at, 1);
                    } else if !is_long && !is_key {
                        self.binding(entry, at, 0);
                    }
                }
                (SyntaxKind::InheritClause, _) if !is_long => {
                    for attr in entry.children().filter(|it| it.kind().is_attr()) {
                        let is_key = static_name(attr)
                            .is_some_and(|it| is_module && MODULE_KEYS.contains(&it.as_str()));
                        if !is_key {
                            self.step(at, attr);
                            self.path.pop();
                        }
                    }
                }
                _ => {}
            }
        }
        self.is_certain = is_certain;
    }

    fn binding(&mut self, entry: FlatNode<'_>, at: At<'t>, skipped: usize) {
        let Some(attrpath) = entry.child(SyntaxKind::Attrpath) else { return };
        let depth = self.path.len();
        let is_whole_module = attrpath.children().count() == skipped;
        let at = attrpath.children().skip(skipped).fold(at, |at, attr| self.step(at, attr));
        if let Some(value) = entry.expressions().next() {
            if is_whole_module {
                self.definitions(value, at, false);
            } else {
                self.value(value, at, attrpath.range());
            }
        }
        self.path.truncate(depth);
    }

    /// Goes one name further, which is added to the path.
    fn step(&mut self, at: At<'t>, attr: FlatNode<'_>) -> At<'t> {
        let name = static_name(attr);
        self.path.push(name.clone().unwrap_or_else(|| "*".to_owned()));
        let mut node = match at {
            At::Unknown => return At::Unknown,
            At::Value(option, ty) => return self.step_into(option, ty, attr.range()),
            At::Node(node) => node,
        };
        while let Some(option) = node.option.as_deref() {
            match &option.sub {
                Some(sub) if sub.step == Step::Named => return At::Node(&sub.node),
                Some(sub) if sub.step == Step::Direct => node = &sub.node,
                Some(_) => return At::Unknown,
                None => return self.step_into(option, &option.takes, attr.range()),
            }
        }
        let Some(name) = name.filter(|name| name != "_module") else { return At::Unknown };
        match node.children.get(&name) {
            Some(child) => {
                if let Some(option) = child.option.as_deref() {
                    self.fate(option, attr.range());
                }
                At::Node(child)
            }
            None => {
                self.unknown(node, &name, attr.range());
                At::Unknown
            }
        }
    }

    /// Goes one name into the value of an option.
    fn step_into(&mut self, option: &'t OptionInfo, ty: &'t ValueType, range: TextRange) -> At<'t> {
        if !ty.kinds.contains(ValueKind::Set) {
            let kind = MismatchKind::Kind(ValueKind::Set);
            let name = self.path.pop();
            self.mismatch(option, &Mismatch { range, kind });
            self.path.extend(name);
            return At::Unknown;
        }
        match &ty.element {
            Some(element) => At::Value(option, element),
            None => At::Unknown,
        }
    }

    fn value(&mut self, value: FlatNode<'_>, at: At<'t>, name: TextRange) {
        match at {
            At::Unknown => {}
            At::Value(option, ty) => self.checked(option, ty, value),
            At::Node(OptionNode { option: None, .. }) => self.definitions(value, at, false),
            At::Node(OptionNode { option: Some(option), .. }) => {
                if option.removed.is_some() || option.renamed_to.is_some() {
                    return;
                }
                let before = self.found.len();
                self.checked(option, &option.takes, value);
                if self.found.len() == before {
                    self.inner_options(value, option, name);
                }
            }
        }
    }

    /// Checks the options inside the value of an option.
    fn inner_options(&mut self, value: FlatNode<'_>, option: &'t OptionInfo, name: TextRange) {
        let Some(sub) = &option.sub else { return };
        match sub.step {
            Step::Direct => self.definitions(value, At::Node(&sub.node), true),
            Step::Named => self.named(value, &sub.node, name),
            Step::Element => self.elements(value, &sub.node, name),
        }
    }

    /// A set of submodules by any name.
    fn named(&mut self, value: FlatNode<'_>, inner: &'t OptionNode, name: TextRange) {
        each_part(value, &mut |set| {
            if set.kind() != SyntaxKind::AttrSet {
                return;
            }
            for entry in set.children().filter(|it| it.kind() == SyntaxKind::Binding) {
                let Some(attrpath) = entry.child(SyntaxKind::Attrpath) else { continue };
                let depth = self.path.len();
                let mut attrs = attrpath.children();
                let first = attrs.next().and_then(static_name);
                self.path.push(first.unwrap_or_else(|| "*".to_owned()));
                let at = attrs.fold(At::Node(inner), |at, attr| self.step(at, attr));
                if let Some(value) = entry.expressions().next() {
                    let is_module = attrpath.children().count() == 1;
                    match at {
                        At::Node(node) if node.option.is_none() => {
                            self.definitions(value, at, is_module);
                        }
                        _ => self.value(value, at, name),
                    }
                }
                self.path.truncate(depth);
            }
        });
    }

    /// A list of submodules.
    fn elements(&mut self, value: FlatNode<'_>, inner: &'t OptionNode, name: TextRange) {
        each_part(value, &mut |list| {
            if list.kind() != SyntaxKind::List {
                return;
            }
            self.path.push("*".to_owned());
            for element in list.expressions() {
                match inner.option {
                    None => self.definitions(element, At::Node(inner), true),
                    Some(_) => self.value(element, At::Node(inner), name),
                }
            }
            self.path.pop();
        });
    }

    fn checked(&mut self, option: &OptionInfo, ty: &ValueType, value: FlatNode<'_>) {
        let mut mismatches = Vec::new();
        ty.check(value, &mut mismatches);
        for mismatch in mismatches {
            self.mismatch(option, &mismatch);
        }
    }

    fn mismatch(&mut self, option: &OptionInfo, mismatch: &Mismatch) {
        let path = self.path.join(".");
        let takes = &option.type_description;
        let message = match &mismatch.kind {
            MismatchKind::Kind(kind) => {
                format!("`{path}` takes {takes}; this is {}", kind.words())
            }
            MismatchKind::Range(least, greatest) if *greatest == i64::MAX => {
                format!("`{path}` takes {takes}; this is less than {least}")
            }
            MismatchKind::Range(least, greatest) => {
                format!("`{path}` takes {takes}; this is not between {least} and {greatest}")
            }
            MismatchKind::Value(values) => {
                let shown: Vec<String> =
                    values.iter().take(VALUES_MAX).map(|it| format!("`{it}`")).collect();
                let more = if values.len() > VALUES_MAX { " …" } else { "" };
                format!("`{path}` is one of {}{more}", shown.join(", "))
            }
        };
        self.tell("option-type", Severity::Error, mismatch.range, message, None);
    }

    fn fate(&mut self, option: &OptionInfo, range: TextRange) {
        let path = self.path.join(".");
        if let Some(to) = &option.renamed_to {
            let message = format!("the option `{path}` has been renamed to `{to}`");
            self.tell("renamed-option", Severity::Warning, range, message, None);
        }
        if let Some(why) = &option.removed {
            self.tell("removed-option", Severity::Error, range, why.clone(), None);
        }
        if let Some(why) = &option.deprecation {
            let message = format!("the type of `{path}` is deprecated: {why}");
            self.tell("deprecated-option", Severity::Hint, range, message, None);
        }
    }

    fn unknown(&mut self, node: &OptionNode, name: &str, range: TextRange) {
        if node.is_open || !self.is_certain || node.children.is_empty() {
            return;
        }
        let is_declared =
            |it: &Vec<String>| it.starts_with(&self.path) || self.path.starts_with(it);
        if self.declared.iter().any(is_declared) {
            return;
        }
        let names = node
            .children
            .iter()
            .filter(|(_, child)| child.option.as_ref().is_none_or(|option| !option.is_hidden));
        let near = suggestion::nearest(name, names.map(|(name, _)| name.as_str()));
        let message = format!("the option `{}` does not exist", self.path.join("."));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        self.tell("unknown-option", Severity::Error, range, message, hint);
    }

    fn tell(
        &mut self,
        code: &'static str,
        severity: Severity,
        range: TextRange,
        message: String,
        hint: Option<String>,
    ) {
        let (is_unnecessary, related) = (false, Vec::new());
        let found = Diagnostic { code, severity, range, message, hint, is_unnecessary, related };
        self.found.push(found);
    }
}

/// Returns the options that a module at this node defines: those inside its submodule.
fn inside(node: &OptionNode) -> &OptionNode {
    let mut node = node;
    while let Some(sub) = node.option.as_deref().and_then(|it| it.sub.as_ref()) {
        if sub.step != Step::Direct {
            break;
        }
        node = &sub.node;
    }
    node
}

/// Calls `work` for every part of a value, through what hands values on unchanged.
fn each_part<'a>(value: FlatNode<'a>, work: &mut dyn FnMut(FlatNode<'a>)) {
    match value.kind() {
        SyntaxKind::Paren => value.expressions().for_each(|it| each_part(it, work)),
        SyntaxKind::LetIn | SyntaxKind::WithExpr | SyntaxKind::AssertExpr => {
            value.expressions().last().into_iter().for_each(|it| each_part(it, work));
        }
        SyntaxKind::IfElse => value.expressions().skip(1).for_each(|it| each_part(it, work)),
        SyntaxKind::BinaryOp if !is_update(value) => {
            value.expressions().for_each(|it| each_part(it, work));
        }
        SyntaxKind::Apply if is_transparent_call(value) => {
            let Some(last) = value.children().last() else { return };
            if merges_list(value) {
                last.expressions().for_each(|it| each_part(it, work));
            } else {
                each_part(last, work);
            }
        }
        _ => work(value),
    }
}

fn is_update(node: FlatNode<'_>) -> bool {
    node.operator().is_some_and(|it| it.kind() == SyntaxKind::SlashSlash)
}

/// Adds the first names of a set that is written down; `false` where they are not known.
fn written_names(node: FlatNode<'_>, names: &mut Vec<String>) -> bool {
    match node.kind() {
        SyntaxKind::AttrSet => node.children().all(|entry| match entry.kind() {
            SyntaxKind::Binding => first_name(entry).map(|it| names.push(it)).is_some(),
            SyntaxKind::InheritClause => entry
                .children()
                .filter(|it| it.kind().is_attr())
                .all(|attr| static_name(attr).map(|it| names.push(it)).is_some()),
            _ => true,
        }),
        SyntaxKind::Paren | SyntaxKind::LetIn | SyntaxKind::WithExpr => {
            node.expressions().last().is_some_and(|it| written_names(it, names))
        }
        SyntaxKind::Apply if function_name(node) == Some(b"optionalAttrs") => {
            node.children().last().is_some_and(|it| written_names(it, names))
        }
        _ => false,
    }
}

fn first_name(entry: FlatNode<'_>) -> Option<String> {
    static_name(entry.child(SyntaxKind::Attrpath)?.first_child()?)
}

fn static_name(attr: FlatNode<'_>) -> Option<String> {
    attr.static_attr().map(|name| String::from_utf8_lossy(&name).into_owned())
}
