//! The codes of errors: what each kind of failure is called, and what to do about it.
//!
//! One row per code, with its documentation and an example that fails with it; `nivis explain`
//! prints them, and a test runs each example.

use super::{ErrorKind, EvalError};
use crate::module_error;

/// What there is to say about one kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The code: `E` for the language, `M` for modules, and four digits.
    pub code: &'static str,
    /// The failure in a few words.
    pub title: &'static str,
    /// What it means and how it is mended.
    pub doc: &'static str,
    /// Something that fails so.
    pub example: Example,
}

/// Something that fails with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// An expression.
    Expression(&'static str),
    /// A module of a system, evaluated with the embedded library.
    Module(&'static str),
    /// A file of this name beside the expression that imports it.
    File(&'static str, &'static [u8]),
    /// What the host does, in words: a test of its own makes it happen.
    Told(&'static str),
}

const fn row(
    code: &'static str,
    title: &'static str,
    example: Example,
    doc: &'static str,
) -> ErrorCode {
    ErrorCode { code, title, doc, example }
}

use Example::{Expression, File, Module, Told};

/// All codes, in order.
pub const TABLE: &[ErrorCode] = &[
    row(
        "E0001",
        "the text is not an expression",
        Expression("{ a = 1 }"),
        "A file or an expression does not follow the grammar: a `;` is missing, a bracket or a \
         string is not closed, a name is defined twice.\n\nThe place is where reading stopped; the \
         mistake is there or just before it.",
    ),
    row(
        "E0101",
        "nothing defines the variable",
        Expression("let value = 1; in valeu"),
        "A name is used that no `let`, function argument, `rec` set, `inherit` or `with` around it \
         defines.\n\nDefine it, add it to the function's arguments (`{ lib, pkgs, ... }:`), or \
         write where it comes from, such as `lib.mkIf`.",
    ),
    row(
        "E0102",
        "the set has no such attribute",
        Expression("{ enable = true; }.enabel"),
        "An attribute is selected that the set does not have.\n\nNear names are suggested. Write \
         `set.name or default` where it may be missing, and `set ? name` to ask.",
    ),
    row(
        "E0103",
        "the value has the wrong type",
        Expression("1 + { }"),
        "An operation or a builtin got a value of a type that it cannot work with; the message \
         says which type is wanted and what was found.\n\nWhere a string is wanted, `toString` \
         makes one of numbers and paths.",
    ),
    row(
        "E0104",
        "the value needs itself",
        Expression("let a = b + 1; b = a; in a"),
        "Evaluating a value came back to the same value before it was known.\n\nThe marked places \
         are the way round. Break the cycle at one of them; in a `rec` set a name that is meant to \
         come from outside is often shadowed by the set itself.",
    ),
    row(
        "E0105",
        "an assertion does not hold",
        Expression("assert 1 > 2; 3"),
        "The condition of an `assert` is false. Whoever wrote it says by it what has to hold: \
         change what the condition depends on.",
    ),
    row(
        "E0106",
        "the code gave up with a message",
        Expression("throw \"this platform is not supported\""),
        "`throw` was called: the author of the code says that it cannot go on, and why.\n\n\
         `builtins.tryEval` catches this.",
    ),
    row(
        "E0107",
        "the code aborted",
        Expression("abort \"impossible\""),
        "`abort` was called: the author of the code says that this must not happen. Nothing \
         catches it.",
    ),
    row(
        "E0108",
        "the value has no such form",
        Expression("\"${{ }}\""),
        "A value cannot become a string, JSON or XML.\n\nA set becomes a string only with \
         `outPath` or `__toString`, a list or a number only through `toString`, a function never.",
    ),
    row(
        "E0109",
        "the function wants other arguments",
        Expression("({ a, b }: a) { a = 1; }"),
        "A function with named arguments was called without one that has no default, or with one \
         that it does not know.\n\nGive the argument, give it a default (`b ? 1`), or let the \
         function take any others with `...`.",
    ),
    row(
        "E0110",
        "arithmetic without an answer",
        Expression("1 / 0"),
        "A division by zero, or a result that does not fit into 64 bits.",
    ),
    row(
        "E0199",
        "a builtin refuses its argument",
        Expression("builtins.head [ ]"),
        "The argument has the right type, but not a value that the builtin can work with; the \
         message says what is wrong. In `nivis repl`, `:doc builtins.head` tells what it wants.",
    ),
    row(
        "E0201",
        "the search path has no such name",
        Expression("<unheard-of>"),
        "`<name>` is looked up in `NIX_PATH` and in `-I`, and none of the entries has it.\n\nSet \
         `NIX_PATH=name=/path`, give `-I name=/path`, or write the path itself.",
    ),
    row(
        "E0202",
        "a file cannot be read",
        Expression("import /does/not/exist.nix"),
        "The host or the store says no: the file is missing, may not be read, or is not a file. \
         Paths are relative to the file that they are written in.",
    ),
    row(
        "E0203",
        "evaluation may not see this",
        Told("`nivis eval --option pure-eval true -E 'import /etc/hosts'`"),
        "Pure evaluation sees only what has a hash, restricted evaluation only the search path and \
         `allowed-uris`.\n\nBring the file in as an input of the flake, fetch it with its hash, or \
         evaluate with `--impure`.",
    ),
    row(
        "E0204",
        "the feature is switched off",
        Expression(
            "(derivation { name = \"x\"; system = \"s\"; builder = \"b\"; __contentAddressed = \
             true; }).drvPath",
        ),
        "An experimental feature of the language is needed. Switch it on for one command with \
         `--extra-experimental-features NAME`, or for all in `nix.conf`.",
    ),
    row(
        "E0205",
        "the bytes are not what they should be",
        File("broken.nix", b"\"a\0b\""),
        "A text holds bytes that its format has no place for, such as NUL in a file of the \
         language.",
    ),
    row(
        "E0301",
        "calls are nested too deeply",
        Expression("let f = n: 1 + f (n + 1); in f 0"),
        "A function calls itself without an end, or deeper than `max-call-depth` allows.\n\n\
         If the nesting is meant, `--option max-call-depth N` allows more.",
    ),
    row(
        "E0302",
        "the evaluation needs too much memory",
        Told(
            "`nivis eval --option max-eval-memory 100000000 -E 'builtins.genList (x: x) 99999999'`",
        ),
        "The values take more bytes than the setting `max-eval-memory` allows.",
    ),
    row(
        "E0303",
        "the evaluation takes too long",
        Told("`nivis eval --option max-eval-time 1 -E 'let f = n: f (n + 1); in f 0'`"),
        "The evaluation took more seconds than the setting `max-eval-time` allows.",
    ),
    row(
        "E0304",
        "the evaluation was interrupted",
        Told("Ctrl-C while an evaluation runs"),
        "Somebody asked it to stop. Nothing was changed.",
    ),
    row(
        "M0101",
        "this is not a module",
        Module("{ config.networking.hostName = \"a\"; networking.domain = \"b\"; }"),
        "A module is a set of definitions, or a set of `imports`, `options` and `config`, or a \
         function to one. When `config` or `options` is present, everything else has to be inside \
         them.",
    ),
    row(
        "M0110",
        "`imports` depends on `config`",
        Module(
            "{ config, ... }: { imports = if config.services.openssh.enable then [ ] else [ ]; }",
        ),
        "`config` is known once all modules are, so it cannot decide which modules there are.\n\n\
         Import the file always, and put `lib.mkIf` with the condition inside it.",
    ),
    row(
        "M0111",
        "a module argument is not provided",
        Module("{ inputs, ... }: { imports = [ inputs.home.module ]; }"),
        "A module takes an argument that nobody passes.\n\nPass it where the system is made: \
         `specialArgs = { inherit inputs; };` of `lib.nixosSystem` or `lib.evalModules`. Values \
         that `imports` do not need may also be set as `_module.args.NAME`.",
    ),
    row(
        "M0112",
        "which options a module defines depends on `config`",
        Module(
            "{ config, ... }:\nif config.services.openssh.enable then { networking.hostName = \
             \"a\"; } else { }",
        ),
        "The names that a module defines have to be known before `config` is.\n\nWrite \
         `lib.mkIf condition { … }` instead of `if`, and `lib.mkMerge [ … ]` instead of `//`: \
         these are decided later.",
    ),
    row(
        "M0201",
        "there is no such option",
        Module("{ services.openssh.enabel = true; }"),
        "A module defines an option that no module declares: its name is misspelt, it was renamed \
         or removed, or the module that declares it is not imported.\n\n`nivis option PREFIX` \
         lists what there is.",
    ),
    row(
        "M0202",
        "the option has no value",
        Module(
            "{ config, lib, ... }: { options.a = lib.mkOption { type = lib.types.str; };\n\
             config.networking.hostName = config.a; }",
        ),
        "A value is needed that no module defines and that has no default. Define the option.",
    ),
    row(
        "M0203",
        "the option may be defined once",
        Module(
            "{ config, lib, ... }: { options.a = lib.mkOption { default = 1; readOnly = true; };\n\
             config.a = 2; config.networking.hostName = toString config.a; }",
        ),
        "The option is read-only, or its type holds one definition only, and there are more.",
    ),
    row(
        "M0301",
        "the option wants another type",
        Module("{ networking.hostName = 5; }"),
        "The definition is not of the option's type. `nivis option NAME` tells the type and an \
         example.",
    ),
    row(
        "M0302",
        "an element has the wrong type",
        Module("{ networking.firewall.allowedTCPPorts = [ 80 \"443\" ]; }"),
        "One element of a list or set is not of the type that the option wants for its elements; \
         the others are.",
    ),
    row(
        "M0310",
        "two definitions of the same priority",
        Module(
            "{ lib, ... }: { config = lib.mkMerge [ { networking.hostName = \"a\"; }\n\
             { networking.hostName = \"b\"; } ]; }",
        ),
        "The option holds one value, and two definitions of the same priority give different \
         ones.\n\nKeep one, mark the general one `lib.mkDefault`, or the decisive one \
         `lib.mkForce`.",
    ),
    row(
        "M0401",
        "an assertion of a module does not hold",
        Module("{ assertions = [ { assertion = false; message = \"a needs b\"; } ]; }"),
        "A module says by its `assertions` what has to hold for the system to work, and it does \
         not. The message says what to change.",
    ),
    row(
        "M0402",
        "the option is gone",
        Module(
            "{ lib, ... }: { imports = [ (lib.mkRemovedOptionModule [ \"services\" \"old\" ] \
             \"Use new.\") ];\nservices.old = 1; }",
        ),
        "The option was removed or has another type under a new name. The message says what to \
         use instead.",
    ),
    row(
        "M0501",
        "the option is declared twice",
        Module(
            "{ config, lib, ... }: {\nimports = [ { options.a = lib.mkOption { description = \"x\";\
             }; } ];\noptions.a = lib.mkOption { description = \"y\"; };\n\
             config.networking.hostName = config.a; }",
        ),
        "Two modules declare the same option, or one declares an option where another has a set \
         of options. One of them has to go.",
    ),
];

/// Returns the row of a code, in any case.
pub fn find(code: &str) -> Option<&'static ErrorCode> {
    TABLE.iter().find(|row| row.code.eq_ignore_ascii_case(code))
}

/// Returns the code of an error.
pub fn of(error: &EvalError) -> &'static str {
    let module = module_error::read(&error.message);
    match error.kind {
        ErrorKind::Thrown | ErrorKind::Other if module.is_some() => {
            module.map_or("E0106", |module| module.code)
        }
        ErrorKind::Thrown if error.message.contains("was not found in the Nix search path") => {
            "E0201"
        }
        ErrorKind::InfiniteRecursion => module_error::of_recursion(error),
        ErrorKind::MissingAttribute => match module_error::missing_argument(error) {
            Some(_) => "M0111",
            None => "E0102",
        },
        kind => of_kind(kind, &error.message),
    }
}

/// Returns the code of an error that has nothing to do with modules.
fn of_kind(kind: ErrorKind, message: &str) -> &'static str {
    let has = |part: &str| message.contains(part);
    match kind {
        ErrorKind::Syntax | ErrorKind::Other | ErrorKind::Io if has("null byte") => "E0205",
        ErrorKind::Syntax => "E0001",
        ErrorKind::UndefinedVariable => "E0101",
        ErrorKind::MissingAttribute => "E0102",
        ErrorKind::InfiniteRecursion => "E0104",
        ErrorKind::Assertion => "E0105",
        ErrorKind::Thrown => "E0106",
        ErrorKind::Abort => "E0107",
        ErrorKind::Limit if has("bytes of memory") => "E0302",
        ErrorKind::Limit if has("seconds") => "E0303",
        ErrorKind::Limit => "E0301",
        ErrorKind::Cancelled => "E0304",
        ErrorKind::Type if has("cannot coerce") || has("cannot convert") => "E0108",
        _ if has("called with") => "E0109",
        _ if has("overflow") || has("division by zero") => "E0110",
        _ if has("experimental Nix feature") => "E0204",
        _ if has("is forbidden in") || has("not allowed to refer") => "E0203",
        ErrorKind::Type => "E0103",
        _ if has("infinite symlink recursion") => "E0202",
        ErrorKind::Restricted => "E0203",
        ErrorKind::Io => "E0202",
        ErrorKind::Usage | ErrorKind::Other => "E0199",
    }
}

#[cfg(test)]
mod tests;
