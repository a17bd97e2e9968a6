//! What stands in the text at a definition: its comment, its name, its parameters.

use syntax::{FlatNode, Options, SyntaxKind};

use super::FunctionParameter;

/// A function as it is written.
pub(super) struct Written {
    /// Where the name it is bound to begins; without one, the function.
    pub(super) offset: u32,
    /// Its parameters, those of the functions it returns included.
    pub(super) parameters: Vec<FunctionParameter>,
    /// The comment before the binding.
    pub(super) documentation: Option<String>,
}

/// Returns the function whose text begins at `offset`.
pub(super) fn function(text: &[u8], offset: u32) -> Option<Written> {
    let (tree, _) = syntax::parse_flat(text, Options::default());
    let mut node = tree.root();
    let mut binding = None;
    while node.kind() != SyntaxKind::Lambda || node.start() != offset {
        node = node.children().find(|it| it.start() <= offset && offset < it.end())?;
        match node.kind() {
            SyntaxKind::Binding => binding = Some(node),
            SyntaxKind::Paren | SyntaxKind::Lambda => {}
            _ => binding = None,
        }
    }
    let start = binding.map_or(offset, FlatNode::start);
    Some(Written {
        offset: start,
        parameters: parameters(node),
        // A comment may stand before the function as well. Source: RFC 145.
        documentation: before(text, offset as usize).or_else(|| before(text, start as usize)),
    })
}

/// Returns the parameters of a lambda and of the lambdas that it returns.
pub fn parameters(lambda: FlatNode<'_>) -> Vec<FunctionParameter> {
    let mut parameters = Vec::new();
    let mut next = Some(lambda);
    while let Some(lambda) = next.filter(|it| it.kind() == SyntaxKind::Lambda) {
        match lambda.first_child() {
            Some(name) if name.kind() == SyntaxKind::Name => {
                parameters.push(FunctionParameter::Plain(text(name)));
            }
            Some(formals) if formals.kind() == SyntaxKind::Formals => {
                let formals = formals.children().filter(|it| it.kind() == SyntaxKind::Formal);
                let formals = formals.filter_map(|formal| {
                    let name = formal.child(SyntaxKind::Name)?;
                    Some((text(name), formal.expressions().next().is_some()))
                });
                parameters.push(FunctionParameter::Formals(formals.collect()));
            }
            _ => {}
        }
        next = lambda.expressions().last().map(FlatNode::without_parens);
    }
    parameters
}

fn text(node: FlatNode<'_>) -> String {
    String::from_utf8_lossy(node.text()).into_owned()
}

/// Returns the comment that ends right before `offset`, without its marks.
pub fn before(text: &[u8], offset: usize) -> Option<String> {
    let above = std::str::from_utf8(text.get(..offset)?).ok()?.trim_end();
    if let Some(inside) = above.strip_suffix("*/") {
        let start = inside.rfind("/*")?;
        let body = inside.get(start + 2..)?.trim_start_matches('*');
        return non_empty(&without_indentation(body));
    }
    let mut lines: Vec<&str> = Vec::new();
    for line in above.lines().rev() {
        match line.trim_start().strip_prefix('#') {
            Some(comment) => lines.push(comment.strip_prefix(' ').unwrap_or(comment)),
            None => break,
        }
    }
    lines.reverse();
    non_empty(&lines.join("\n"))
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The first line starts behind the mark; the others have an indentation in common.
fn without_indentation(body: &str) -> String {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let lines = || body.lines().skip(1).filter(|line| !line.trim().is_empty());
    let common = lines().map(indentation).min().unwrap_or(0);
    let mut text = body.lines().next().unwrap_or_default().trim_start().to_owned();
    for line in body.lines().skip(1) {
        text.push('\n');
        text.push_str(line.get(common..).unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_its_comment_and_parameters() {
        let text = b"{\n  # Not this.\n\n  /**\n    Adds.\n\n      x\n  */\n  \
                     add = a: ({ b, c ? 1 }: a);\n}";
        let at = text.iter().position(|&byte| byte == b'=').map_or(0, |at| at as u32 + 2);
        let found = function(text, at).expect("a function");
        assert_eq!(found.documentation.as_deref(), Some("Adds.\n\n  x"));
        assert_eq!(text.get(found.offset as usize..).map(|it| it.starts_with(b"add")), Some(true));
        let formals = vec![("b".to_owned(), false), ("c".to_owned(), true)];
        let expected =
            [FunctionParameter::Plain("a".to_owned()), FunctionParameter::Formals(formals)];
        assert_eq!(found.parameters, expected);
    }

    #[test]
    fn lines_of_comments_are_joined_and_other_text_ends_them() {
        assert_eq!(before(b"x = 1;\n# One\n# two.\n", 20).as_deref(), Some("One\ntwo."));
        assert_eq!(before(b"x = 1;\n", 7), None);
    }
}
