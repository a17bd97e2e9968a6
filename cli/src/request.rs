//! What an evaluation is asked for, in whichever way the command line said it.

use crate::flags::Flags;
use crate::installable::Locking;
use crate::report::Outcome;

/// Where an expression comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// A file, a directory with a `default.nix`, or `<name>`.
    File(String),
    /// The text of the expression.
    Expression(String),
    /// Standard input.
    Stdin,
    /// A flake and an attribute of it, `.#hello`, and what becomes of its lock file.
    Flake(String, Locking),
}

/// The value of an argument for functions at the top.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Argument {
    /// An expression: `--arg`.
    Expression(String),
    /// A string: `--argstr`.
    Text(String),
    /// The contents of a file, as a string: `--arg-from-file`.
    File(String),
    /// All of stdin, as a string: `--arg-from-stdin`.
    Stdin,
}

/// Expressions, the attributes of them that are wanted, and arguments.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    /// The words that name files, or hold expressions when `is_expression`.
    pub(crate) words: Vec<String>,
    /// Whether the words are expressions.
    pub(crate) is_expression: bool,
    /// Whether the words name flakes.
    pub(crate) is_flake: bool,
    /// What becomes of their lock files.
    pub(crate) locking: Locking,
    /// Attribute paths; none: the value itself.
    pub(crate) attributes: Vec<String>,
    /// Arguments by name, later ones over earlier ones.
    pub(crate) arguments: Vec<(String, Argument)>,
}

impl Request {
    /// Takes a flag that says what to evaluate; `false` if it is none.
    ///
    /// # Errors
    ///
    /// When a value is missing.
    pub(crate) fn take_flag(&mut self, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        match flag {
            "-E" | "--expr" => self.is_expression = true,
            "-A" | "--attr" => {
                let attribute = flags.own_value(flag)?;
                self.attributes.push(attribute);
            }
            "--arg" => {
                let [name, value] = flags.values(flag)?;
                self.arguments.push((name, Argument::Expression(value)));
            }
            "--argstr" => {
                let [name, value] = flags.values(flag)?;
                self.arguments.push((name, Argument::Text(value)));
            }
            "--arg-from-file" => {
                let [name, path] = flags.values(flag)?;
                self.arguments.push((name, Argument::File(path)));
            }
            "--arg-from-stdin" => {
                let name = flags.value(flag)?;
                self.arguments.push((name, Argument::Stdin));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns what to evaluate, in order; without words it is `default`.
    pub(crate) fn inputs(&self, default: &str) -> Vec<Input> {
        if self.words.is_empty() && self.is_flake {
            return vec![Input::Flake(".".to_owned(), self.locking.clone())];
        }
        if self.words.is_empty() && !self.is_expression {
            return vec![Input::File(default.to_owned())];
        }
        let input = |word: &String| match word.as_str() {
            text if self.is_flake => Input::Flake(text.to_owned(), self.locking.clone()),
            "-" => Input::Stdin,
            text if self.is_expression => Input::Expression(text.to_owned()),
            path => Input::File(path.to_owned()),
        };
        let mut inputs: Vec<Input> = self.words.iter().map(input).collect();
        // Stdin can be read once, and comes first wherever it was named.
        if inputs.contains(&Input::Stdin) {
            inputs.retain(|input| *input != Input::Stdin);
            inputs.insert(0, Input::Stdin);
        }
        inputs
    }

    /// Returns the attribute paths that are wanted of each input; the empty one is the value.
    pub(crate) fn attribute_paths(&self) -> Vec<String> {
        if self.attributes.is_empty() { vec![String::new()] } else { self.attributes.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, Request};

    fn inputs(is_expression: bool, words: &[&str]) -> Vec<Input> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Request { words, is_expression, ..Request::default() }.inputs("d")
    }

    #[test]
    fn without_words_it_is_the_default() {
        assert_eq!(inputs(false, &[]), [Input::File("d".to_owned())]);
        assert_eq!(inputs(true, &[]), []);
    }

    #[test]
    fn stdin_is_read_once_and_first() {
        let a = || Input::Expression("a".to_owned());
        assert_eq!(inputs(true, &["a", "-", "a", "-"]), [Input::Stdin, a(), a()]);
    }
}
