//! The commands of the prompt: one row each, which is also their help.

use std::fmt::Write as _;

/// What a command does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Adds the attributes of a value to the variables.
    Add,
    /// Builds a derivation.
    Build,
    /// Builds a derivation and links to its outputs.
    BuildAndLink,
    /// Tells what documents a value.
    Document,
    /// Opens where a value is written.
    Edit,
    /// Lists the commands.
    Help,
    /// Builds a derivation and installs it.
    Install,
    /// Lists the variables that were added last.
    LastLoaded,
    /// Adds what a file evaluates to.
    Load,
    /// Adds the outputs of a flake.
    LoadFlake,
    /// Shows the log of a build.
    Log,
    /// Prints all of a value.
    Print,
    /// Ends the session.
    Quit,
    /// Reads all files again.
    Reload,
    /// Opens a shell in which a derivation could be built.
    ShellFor,
    /// Opens a shell that has what a derivation builds.
    ShellWith,
    /// Turns the way to errors on or off.
    Trace,
    /// Tells a value's type.
    Type,
}

/// A command.
pub(super) struct Command {
    /// Its names; the first one is the one to learn.
    pub(super) names: &'static [&'static str],
    /// What it takes: empty for nothing.
    pub(super) argument: &'static str,
    /// What it does.
    pub(super) doc: &'static str,
    /// The same, for the program.
    pub(super) action: Action,
}

const fn row(
    names: &'static [&'static str],
    argument: &'static str,
    doc: &'static str,
    action: Action,
) -> Command {
    Command { names, argument, doc, action }
}

/// What stands for an expression in the help.
const EXPRESSION: &str = "<expr>";

/// All commands, in the order of the help.
pub(super) const COMMANDS: &[Command] = &[
    row(&[":a", ":add"], EXPRESSION, "Add the attributes of a set to the scope", Action::Add),
    row(&[":b"], EXPRESSION, "Build a derivation", Action::Build),
    row(&[":bl"], EXPRESSION, "Build a derivation and link to its outputs", Action::BuildAndLink),
    row(&[":e", ":edit"], EXPRESSION, "Open a package or function in $EDITOR", Action::Edit),
    row(&[":i"], EXPRESSION, "Build a derivation and install it", Action::Install),
    row(&[":l", ":load"], "<path>", "Load a file and add its set to the scope", Action::Load),
    row(
        &[":lf", ":load-flake"],
        "<ref>",
        "Load a flake and add its outputs to the scope",
        Action::LoadFlake,
    ),
    row(&[":ll", ":last-loaded"], "", "List the variables added last", Action::LastLoaded),
    row(&[":p", ":print"], EXPRESSION, "Print all of a value; strings as they are", Action::Print),
    row(&[":q", ":quit"], "", "End the session", Action::Quit),
    row(&[":r", ":reload"], "", "Read all loaded files again", Action::Reload),
    row(&[":s", ":sh"], EXPRESSION, "Open a shell to build a derivation in", Action::ShellFor),
    row(&[":t"], EXPRESSION, "Tell the type of a value", Action::Type),
    row(&[":u"], EXPRESSION, "Open a shell that has what a derivation builds", Action::ShellWith),
    row(&[":doc"], EXPRESSION, "Show what documents a function or attribute", Action::Document),
    row(&[":log"], EXPRESSION, "Show the log of a derivation's build", Action::Log),
    row(&[":te", ":trace-enable"], "[bool]", "Show the whole way to errors, or not", Action::Trace),
    row(&[":?", ":help"], "", "Show this help", Action::Help),
];

impl Command {
    /// Whether its argument is an expression.
    pub(super) fn takes_expression(&self) -> bool {
        self.argument == EXPRESSION
    }
}

/// Returns the command with this name.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.names.contains(&name))
}

/// Whether the command with this name takes an expression.
pub(super) fn takes_expression(name: &str) -> bool {
    find(name).is_some_and(Command::takes_expression)
}

/// Returns the list of commands.
pub(super) fn help() -> String {
    let mut text = "The following commands are available:\n\n".to_owned();
    let mut line = |what: &str, doc: &str| {
        let _ = writeln!(text, "  {what:<28} {doc}");
    };
    line(EXPRESSION, "Evaluate and print an expression");
    line("<x> = <expr>", "Bind an expression to a variable");
    for command in COMMANDS {
        let names = command.names.join(", ");
        line(format!("{names} {}", command.argument).trim_end(), command.doc);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, find, help};

    #[test]
    fn each_name_means_one_command() {
        for command in COMMANDS {
            for name in command.names {
                assert_eq!(find(name).map(|found| found.action), Some(command.action), "{name}");
                assert!(name.starts_with(':'), "{name}");
                assert!(help().contains(name), "{name}");
            }
        }
    }
}
