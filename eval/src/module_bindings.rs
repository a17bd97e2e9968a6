//! The definitions that a module's text makes: option paths with the places that write them.
//!
//! The module system of older trees knows only the file of a definition. Its place in the file
//! is found here, by syntax: through `config`, nested sets, dotted names, `let … in`, `with`,
//! `//`, and the functions that hand definitions on unchanged (`mkIf`, `mkMerge`, `mkDefault` …).

use syntax::{FlatNode, FlatTree, SyntaxKind, TextRange};

/// One binding of a module: the path it defines and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleBinding {
    /// The path from the top of the module, `config` included; interpolated names as written.
    pub path: Vec<String>,
    /// How many names of the path stand left of the `=`; the others are around it.
    pub own_names: usize,
    /// The names at the left of the `=`.
    pub name_range: TextRange,
    /// The value.
    pub value_range: Option<TextRange>,
}

/// Returns all bindings of a module's text, outer ones before those inside them.
pub fn module_bindings(tree: &FlatTree<'_>) -> Vec<ModuleBinding> {
    let mut bindings = Vec::new();
    if let Some(expression) = tree.root().expressions().next() {
        collect(expression, &mut Vec::new(), &mut bindings);
    }
    bindings
}

/// Returns the bindings of each set in a text as if it were a module: one in a list of imports is.
pub fn all_bindings(tree: &FlatTree<'_>) -> Vec<ModuleBinding> {
    let mut bindings = module_bindings(tree);
    let mut known: rustc_hash::FxHashSet<TextRange> =
        bindings.iter().filter_map(|binding| binding.value_range).collect();
    if let Some(expression) = tree.root().expressions().next() {
        known.insert(expression.range());
    }
    for set in tree.root().descendants().filter(|it| it.kind() == SyntaxKind::AttrSet) {
        if known.contains(&set.range()) {
            continue;
        }
        let first = bindings.len();
        collect(set, &mut Vec::new(), &mut bindings);
        known.extend(bindings.iter().skip(first).filter_map(|binding| binding.value_range));
    }
    bindings
}

/// Returns a binding that defines the option at `path`, something in it, or a set that holds it.
///
/// `prefix` is `config` or `options`: both the spelled-out form of a module and the short one
/// (for `config`) are understood. A binding of the option itself comes before those inside it, such
/// as `systemd.services.x` for `systemd.services`, and these before those around it.
pub fn find<'a>(
    bindings: &'a [ModuleBinding],
    prefix: &str,
    path: &[&str],
) -> Option<&'a ModuleBinding> {
    let strip = |binding: &'a ModuleBinding| -> Option<&'a [String]> {
        match binding.path.split_first() {
            Some((first, rest)) if first == prefix => Some(rest),
            _ if prefix == "config" => Some(binding.path.as_slice()),
            _ => None,
        }
    };
    let matching = |length: usize| {
        bindings.iter().find(|binding| {
            strip(binding).is_some_and(|found| {
                found.len() == length && found.iter().zip(path).all(|(a, b)| a == b)
            })
        })
    };
    if path.is_empty() {
        return None;
    }
    let inside = || {
        bindings.iter().find(|binding| {
            strip(binding).is_some_and(|found| {
                found.len() > path.len() && found.iter().zip(path).all(|(a, b)| a == b)
            })
        })
    };
    matching(path.len()).or_else(inside).or_else(|| (1..path.len()).rev().find_map(matching))
}

/// Returns where a file defines the option at `path` though its module does not write it down.
///
/// That is a set somewhere in the file that does, such as a module in a list; else the `imports`
/// that hold a module which is not a file: what it defines counts as defined here.
pub fn find_indirect(tree: &FlatTree<'_>, path: &[&str]) -> Option<TextRange> {
    let is_path = |attrpath: FlatNode<'_>| {
        let mut names = attrpath.children().map(FlatNode::static_attr);
        path.iter().all(|name| names.next().flatten().as_deref() == Some(name.as_bytes()))
            && names.next().is_none()
    };
    let bindings = || {
        let entries = tree.root().descendants().filter(|it| it.kind() == SyntaxKind::Binding);
        entries.filter_map(|entry| Some((entry, entry.child(SyntaxKind::Attrpath)?)))
    };
    if path.len() > 1
        && let Some((_, attrpath)) = bindings().find(|(_, attrpath)| is_path(*attrpath))
    {
        return Some(attrpath.range());
    }
    let holds_module = |entry: FlatNode<'_>| {
        let list = entry.expressions().find(|it| it.kind() == SyntaxKind::List);
        let is_file = |kind| matches!(kind, SyntaxKind::Path | SyntaxKind::LookupPathExpr);
        list.is_some_and(|list| list.expressions().any(|element| !is_file(element.kind())))
    };
    bindings()
        .find(|(entry, attrpath)| attrpath.text() == b"imports" && holds_module(*entry))
        .map(|(_, attrpath)| attrpath.range())
}

/// Returns the bindings that declare an option, wherever they stand: `a.b = mkOption { … };`.
///
/// Their paths are only the names left of the `=`.
pub fn option_declarations(tree: &FlatTree<'_>) -> Vec<ModuleBinding> {
    let bindings = tree.root().descendants().filter(|it| it.kind() == SyntaxKind::Binding);
    let declarations = bindings.filter_map(|entry| {
        let value = entry.expressions().next()?;
        let attrpath = entry.child(SyntaxKind::Attrpath)?;
        declares_option(value).then(|| ModuleBinding {
            path: attrpath.children().map(attr_name).collect(),
            own_names: attrpath.children().count(),
            name_range: attrpath.range(),
            value_range: Some(value.range()),
        })
    });
    declarations.collect()
}

fn declares_option(value: FlatNode<'_>) -> bool {
    let value = value.without_parens();
    match value.kind() {
        SyntaxKind::Apply => function_name(value)
            .is_some_and(|name| name.starts_with(b"mk") && name.ends_with(b"Option")),
        SyntaxKind::BinaryOp => value.expressions().any(declares_option),
        _ => false,
    }
}

/// Whether a file reads as a module: a set, or a function to one that takes what every module is
/// given.
pub fn is_module(text: &[u8]) -> bool {
    reads_as_module(&syntax::parse_flat(text, crate::db::PARSE_OPTIONS).0)
}

/// Whether the file of a tree reads as a module: [`is_module`].
pub fn reads_as_module(tree: &FlatTree<'_>) -> bool {
    let Some(top) = tree.root().expressions().next().map(result) else { return false };
    match top.kind() {
        SyntaxKind::AttrSet => true,
        SyntaxKind::Lambda => {
            let takes_module_arguments = match top.child(SyntaxKind::Formals) {
                Some(formals) => {
                    let mut names = formals.children().filter_map(|it| it.child(SyntaxKind::Name));
                    formals.token(SyntaxKind::Ellipsis).is_some()
                        || names.any(|name| matches!(name.text(), b"config" | b"options"))
                }
                None => true,
            };
            let body = top.expressions().last().map(result);
            takes_module_arguments
                && body.is_some_and(|body| match body.kind() {
                    SyntaxKind::AttrSet => true,
                    SyntaxKind::Apply => is_transparent_call(body),
                    SyntaxKind::BinaryOp => {
                        body.operator().is_some_and(|it| it.kind() == SyntaxKind::SlashSlash)
                    }
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Returns what an expression evaluates to, as far as its form tells.
fn result(node: FlatNode<'_>) -> FlatNode<'_> {
    let mut node = node;
    while matches!(
        node.kind(),
        SyntaxKind::LetIn | SyntaxKind::WithExpr | SyntaxKind::AssertExpr | SyntaxKind::Paren
    ) {
        match node.expressions().last() {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}

/// Whether a call hands its last argument on as a definition: `mkIf c x`, `lib.mkForce x` …
pub fn is_transparent_call(apply: FlatNode<'_>) -> bool {
    let arguments = apply.children().count().saturating_sub(1);
    function_name(apply).is_some_and(|name| match name {
        b"mkIf" | b"optionalAttrs" | b"mkOverride" | b"mkOrder" | b"mkAssert" => arguments == 2,
        b"mkMerge"
        | b"mkDefault"
        | b"mkForce"
        | b"mkBefore"
        | b"mkAfter"
        | b"mkOptionDefault"
        | b"mkVMOverride"
        | b"mkImageMediaOverride"
        | b"mkFixStrictness" => arguments == 1,
        _ => false,
    })
}

/// Whether a transparent call takes a list of definitions.
pub fn merges_list(apply: FlatNode<'_>) -> bool {
    function_name(apply) == Some(b"mkMerge")
}

/// Returns the last name of the function of a call: `mkIf` of `lib.mkIf c x`.
pub fn function_name(apply: FlatNode<'_>) -> Option<&[u8]> {
    let function = apply.first_child()?.without_parens();
    match function.kind() {
        SyntaxKind::Variable => Some(function.text()),
        SyntaxKind::Select => {
            function.child(SyntaxKind::Attrpath)?.children().last().map(FlatNode::text)
        }
        _ => None,
    }
}

fn collect(node: FlatNode<'_>, path: &mut Vec<String>, bindings: &mut Vec<ModuleBinding>) {
    match node.kind() {
        SyntaxKind::AttrSet => {
            for entry in node.children().filter(|it| it.kind() == SyntaxKind::Binding) {
                binding(entry, path, bindings);
            }
        }
        SyntaxKind::Paren => {
            node.expressions().for_each(|inner| collect(inner, path, bindings));
        }
        SyntaxKind::BinaryOp
            if node.operator().is_some_and(|it| it.kind() == SyntaxKind::SlashSlash) =>
        {
            node.expressions().for_each(|inner| collect(inner, path, bindings));
        }
        SyntaxKind::Lambda | SyntaxKind::LetIn => {
            if let Some(body) = node.expressions().last() {
                collect(body, path, bindings);
            }
        }
        SyntaxKind::WithExpr | SyntaxKind::AssertExpr | SyntaxKind::IfElse => {
            node.expressions().skip(1).for_each(|inner| collect(inner, path, bindings));
        }
        SyntaxKind::Apply if is_transparent_call(node) => {
            let Some(last) = node.children().last() else { return };
            if merges_list(node) && last.kind() == SyntaxKind::List {
                last.expressions().for_each(|inner| collect(inner, path, bindings));
            } else {
                collect(last, path, bindings);
            }
        }
        _ => {}
    }
}

fn binding(entry: FlatNode<'_>, path: &mut Vec<String>, bindings: &mut Vec<ModuleBinding>) {
    let Some(attrpath) = entry.child(SyntaxKind::Attrpath) else { return };
    let depth = path.len();
    path.extend(attrpath.children().map(attr_name));
    let value = entry.expressions().next();
    bindings.push(ModuleBinding {
        path: path.clone(),
        own_names: path.len() - depth,
        name_range: attrpath.range(),
        value_range: value.map(FlatNode::range),
    });
    if let Some(value) = value {
        collect(value, path, bindings);
    }
    path.truncate(depth);
}

fn attr_name(attr: FlatNode<'_>) -> String {
    let name = attr.static_attr().unwrap_or(std::borrow::Cow::Borrowed(attr.text()));
    String::from_utf8_lossy(&name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, prefix: &str, path: &[&str], expected: Option<&str>) {
        let (tree, _) = syntax::parse_flat(source.as_bytes(), syntax::Options::default());
        let bindings = module_bindings(&tree);
        let found = find(&bindings, prefix, path)
            .map(|it| String::from_utf8_lossy(tree.text(it.name_range)).into_owned());
        assert_eq!(found.as_deref(), expected, "{source}");
    }

    #[test]
    fn definitions_are_found_through_the_usual_wrappers() {
        let path = ["services", "nginx", "enable"];
        check("{ services.nginx.enable = true; }", "config", &path, Some("services.nginx.enable"));
        check(
            "{ lib, ... }: let x = 1; in { config = lib.mkIf true (lib.mkMerge [ { services = { \
             nginx.enable = true; }; } ]); }",
            "config",
            &path,
            Some("nginx.enable"),
        );
        check("{ services.nginx = import ./x.nix; }", "config", &path, Some("services.nginx"));
        check("{ services.nginx.enable.x = 1; }", "config", &path, Some("services.nginx.enable.x"));
        check("{ other.enable = true; }", "config", &path, None);
        check("{ other.enable = true; }", "config", &[], None);
        check("{ options.services.nginx.enable = 1; }", "options", &path, {
            Some("options.services.nginx.enable")
        });
    }
}
