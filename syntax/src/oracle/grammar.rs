//! The grammar of the reference implementation, as far as its messages depend on it.
//!
//! The order of rules and terminals counts: of equally good reductions the first is the default,
//! and expected tokens are listed in this order. `Invalid` and `PathGoesOn` stand in no rule.

use Terminal as T;

macro_rules! terminals {
    ($($variant:ident $text:literal,)*) => {
        /// A token of the reference implementation.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Terminal {
            $($variant,)*
        }

        /// All terminals in order, with their texts.
        pub(super) const TERMINALS: &[(Terminal, &str)] = &[$((T::$variant, $text),)*];
    };
}

// A text in bars is a description, any other is the token itself.
terminals! {
    EndOfFile "|end of file|",
    Identifier "|identifier|",
    String "|string|",
    IndentedString "|indented string|",
    Integer "|integer|",
    Float "|floating-point literal|",
    Path "|path|",
    HomePath "|'~/…' path|",
    LookupPath "|'<…>' path|",
    PathEnd "|end of path|",
    Uri "|URI|",
    If "if",
    Then "then",
    Else "else",
    Assert "assert",
    With "with",
    Let "let",
    In "in",
    Rec "rec",
    Inherit "inherit",
    EqualsEquals "==",
    BangEquals "!=",
    LessEquals "<=",
    GreaterEquals ">=",
    Update "//",
    Concat "++",
    And "&&",
    Or "||",
    Implies "->",
    OrKeyword "or",
    PipeFrom "<|",
    PipeInto "|>",
    DollarBrace "${",
    IndentedOpen "|start of an indented string|",
    IndentedClose "|end of an indented string|",
    Ellipsis "...",
    Less "<",
    Greater ">",
    Plus "+",
    Minus "-",
    Star "*",
    Slash "/",
    Question "?",
    Colon ":",
    At "@",
    Semicolon ";",
    Bang "!",
    Dot ".",
    Quote "\"",
    ParenOpen "(",
    ParenClose ")",
    BraceOpen "{",
    BraceClose "}",
    BracketOpen "[",
    BracketClose "]",
    Equals "=",
    Comma ",",
    Invalid "|invalid token|",
    PathGoesOn "|path|",
}

impl Terminal {
    /// Returns the terminal that is always written `text`.
    pub(super) fn of_text(text: &str) -> Option<Terminal> {
        TERMINALS.iter().find(|(_, known)| *known == text).map(|(terminal, _)| *terminal)
    }

    /// Returns how messages name it.
    pub(super) fn name(self) -> String {
        let text = TERMINALS.get(self as usize).map_or("", |(_, text)| text);
        match description(text) {
            Some(description) => description.to_owned(),
            None => format!("'{text}'"),
        }
    }
}

/// Returns the description that `text` is, if it is one.
pub(super) fn description(text: &str) -> Option<&str> {
    text.strip_prefix('|')?.strip_suffix('|').filter(|inner| !inner.is_empty() && *inner != "|")
}

/// How an operator of a level goes with itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Never,
}

/// The levels of operators, loosest first. `not` and `negate` are no tokens.
pub(super) const LEVELS: [(Side, &str); 12] = [
    (Side::Right, "->"),
    (Side::Left, "||"),
    (Side::Left, "&&"),
    (Side::Never, "== !="),
    (Side::Never, "< > <= >="),
    (Side::Right, "//"),
    (Side::Left, "%not"),
    (Side::Left, "+ -"),
    (Side::Left, "* /"),
    (Side::Right, "++"),
    (Side::Never, "?"),
    (Side::Never, "%negate"),
];

/// What each nonterminal, in angle brackets, may be; the first one is the whole file.
///
/// `ID` and its like are terminals with a description; a last `%word` gives a rule its level.
pub(super) const RULES: [(&str, &[&str]); 24] = [
    ("<file>", &["<expr>"]),
    ("<expr>", &["<function>"]),
    (
        "<function>",
        &[
            "identifier : <function>",
            "<formal-set> : <function>",
            "<formal-set> @ identifier : <function>",
            "identifier @ <formal-set> : <function>",
            "assert <expr> ; <function>",
            "with <expr> ; <function>",
            "let <bindings> in <function>",
            "<if>",
        ],
    ),
    ("<if>", &["if <expr> then <expr> else <expr>", "<pipes-from>", "<pipes-into>", "<operation>"]),
    ("<pipes-from>", &["<operation> <| <pipes-from>", "<operation> <| <operation>"]),
    ("<pipes-into>", &["<pipes-into> |> <operation>", "<operation> |> <operation>"]),
    (
        "<operation>",
        &[
            "! <operation> %not",
            "- <operation> %negate",
            "<operation> == <operation>",
            "<operation> != <operation>",
            "<operation> < <operation>",
            "<operation> <= <operation>",
            "<operation> > <operation>",
            "<operation> >= <operation>",
            "<operation> && <operation>",
            "<operation> || <operation>",
            "<operation> -> <operation>",
            "<operation> // <operation>",
            "<operation> ? <path>",
            "<operation> + <operation>",
            "<operation> - <operation>",
            "<operation> * <operation>",
            "<operation> / <operation>",
            "<operation> ++ <operation>",
            "<application>",
        ],
    ),
    ("<application>", &["<application> <selection>", "<selection>"]),
    (
        "<selection>",
        &["<simple> . <path>", "<simple> . <path> or <selection>", "<simple> or", "<simple>"],
    ),
    (
        "<simple>",
        &[
            "identifier",
            "integer",
            "floating-point_literal",
            "\" <text> \"",
            "start_of_an_indented_string <indented> end_of_an_indented_string",
            "<path-start> end_of_path",
            "<path-start> <parts> end_of_path",
            "'<…>'_path",
            "URI",
            "( <expr> )",
            "let { <bindings> }",
            "rec { <bindings> }",
            "{ <some-bindings> }",
            "{ }",
            "[ <elements> ]",
        ],
    ),
    ("<text>", &["string", "<parts>", ""]),
    ("<parts>", &["<parts> string", "<parts> ${ <expr> }", "${ <expr> }", "string ${ <expr> }"]),
    ("<path-start>", &["path", "'~/…'_path"]),
    ("<indented>", &["<indented> indented_string", "<indented> ${ <expr> }", ""]),
    ("<bindings>", &["<some-bindings>", ""]),
    (
        "<some-bindings>",
        &[
            "<some-bindings> <path> = <expr> ;",
            "<bindings> inherit <attrs> ;",
            "<bindings> inherit ( <expr> ) <attrs> ;",
            "<path> = <expr> ;",
        ],
    ),
    ("<attrs>", &["<attrs> <attr>", "<attrs> <text-attr>", ""]),
    ("<path>", &["<path> . <attr>", "<path> . <text-attr>", "<attr>", "<text-attr>"]),
    ("<attr>", &["identifier", "or"]),
    ("<text-attr>", &["\" <text> \"", "${ <expr> }"]),
    ("<elements>", &["<elements> <selection>", ""]),
    (
        "<formal-set>",
        &["{ <formals> , ... }", "{ ... }", "{ <formals> , }", "{ <formals> }", "{ }"],
    ),
    ("<formals>", &["<formals> , <formal>", "<formal>"]),
    ("<formal>", &["identifier", "identifier ? <expr>"]),
];
