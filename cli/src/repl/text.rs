//! What a text at the prompt means, as far as its syntax tells.

use syntax::{Options, SyntaxError, parse_bindings, parse_flat};

/// What a text is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// Blanks and comments.
    Nothing,
    /// A command with its argument.
    Command {
        /// The word, with its colon.
        name: String,
        /// The rest, without blanks around it.
        argument: String,
    },
    /// Bindings.
    Bindings,
    /// An expression, or what cannot become anything.
    Expression,
    /// The beginning of something that goes on in the next line.
    Incomplete,
}

/// Tells what `text` is, without evaluating anything.
///
/// `takes_expression` says which commands have an expression as their argument, so that it may go
/// on over several lines.
pub(super) fn meaning(
    text: &str,
    options: Options,
    takes_expression: impl Fn(&str) -> bool,
) -> Meaning {
    let text = text.trim();
    if text.starts_with(':') {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (name, argument) = text.split_at(end);
        let argument = argument.trim();
        if takes_expression(name) && !argument.is_empty() && is_cut_off(argument, options) {
            return Meaning::Incomplete;
        }
        return Meaning::Command { name: name.to_owned(), argument: argument.to_owned() };
    }
    let (tree, errors) = parse_flat(text.as_bytes(), options);
    if tree.root().first_token().is_none() && is_blank(&errors) {
        return Meaning::Nothing;
    }
    if errors.is_empty() {
        return Meaning::Expression;
    }
    if parse_bindings(text.as_bytes(), options).1.is_empty() {
        return Meaning::Bindings;
    }
    if is_cut_off(text, options) || is_cut_off(&format!("rec {{{text}"), options) {
        return Meaning::Incomplete;
    }
    Meaning::Expression
}

/// Whether the only thing wrong with a text without tokens is that it has none.
fn is_blank(errors: &[SyntaxError]) -> bool {
    errors.iter().all(|error| error.kind != syntax::ErrorKind::Unclosed)
}

/// Whether a text is the beginning of an expression.
fn is_cut_off(text: &str, options: Options) -> bool {
    let (_, errors) = parse_flat(text.as_bytes(), options);
    let is_open_comment = |error: &SyntaxError| {
        let start = usize::from(error.range.start());
        error.kind == syntax::ErrorKind::Unclosed
            && text.get(start..).is_some_and(|rest| rest.starts_with("/*"))
    };
    if errors.iter().any(is_open_comment) {
        return true;
    }
    syntax::oracle_error(text.as_bytes(), &errors)
        .is_some_and(|error| error.message.contains("unexpected end of file"))
}

#[cfg(test)]
mod tests {
    use super::{Meaning, meaning};
    use syntax::Options;

    fn of(text: &str) -> Meaning {
        meaning(text, Options::DEFAULT, |name| name == ":p")
    }

    #[test]
    fn an_expression_goes_on_until_it_is_whole() {
        for text in ["1 +", "{", "let x = 1; in", "\"a", "''a", "(f", "x.", "f: { a", "/* c", "a:"]
        {
            assert_eq!(of(text), Meaning::Incomplete, "{text}");
        }
        for text in ["1 + 1", "x", "{ a }: a", "x)", "a, b", "x = 1)", "\"a\""] {
            assert_eq!(of(text), Meaning::Expression, "{text}");
        }
    }

    #[test]
    fn bindings_need_no_last_semicolon() {
        for text in ["x = 1;", "a.b = 1; inherit c;", "x = { a = 1; };", "inherit (a) b"] {
            assert_eq!(of(text), Meaning::Bindings, "{text}");
        }
        for text in ["x = 1", "x = 1 # one", "x = 1; y = 2", "x = { a = 1; }"] {
            assert_eq!(of(text), Meaning::Bindings, "{text}");
        }
        for text in ["x =", "x = {", "inherit (a", "x = 1; y =", "x = { a = 1"] {
            assert_eq!(of(text), Meaning::Incomplete, "{text}");
        }
    }

    #[test]
    fn commands_begin_with_a_colon() {
        let command = |name: &str, argument: &str| Meaning::Command {
            name: name.to_owned(),
            argument: argument.to_owned(),
        };
        assert_eq!(of(" :p  1 + 1 "), command(":p", "1 + 1"));
        assert_eq!(of(":q"), command(":q", ""));
        assert_eq!(of(":l ./a("), command(":l", "./a("));
        assert_eq!(of(":p ("), Meaning::Incomplete);
    }

    #[test]
    fn comments_are_nothing() {
        assert_eq!(of("  "), Meaning::Nothing);
        assert_eq!(of("# c"), Meaning::Nothing);
    }
}
