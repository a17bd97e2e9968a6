//! Command lines as the `nix-*` commands read them.
//!
//! `-qR` is `-q -R`, `-j4` is `-j 4`, and `--` ends the flags. Source: CppNix, `Args`.

use crate::report::{Failure, Outcome};
use std::collections::VecDeque;

/// One word of a command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// A flag with its dashes.
    Flag(String),
    /// Anything else.
    Operand(String),
}

/// What is left of a command line.
#[derive(Debug)]
pub(crate) struct Flags {
    command: String,
    rest: VecDeque<String>,
    only_operands: bool,
}

impl Flags {
    /// Reads the words after the name of `command`.
    pub(crate) fn new(command: &str, words: impl IntoIterator<Item = String>) -> Self {
        let rest = words.into_iter().collect();
        Self { command: command.to_owned(), rest, only_operands: false }
    }

    /// Returns the next word.
    pub(crate) fn next_word(&mut self) -> Option<Word> {
        let word = self.rest.pop_front()?;
        if self.only_operands || word == "-" || !word.starts_with('-') {
            return Some(Word::Operand(word));
        }
        if word == "--" {
            self.only_operands = true;
            return self.next_word();
        }
        Some(Word::Flag(self.expand(word)))
    }

    /// Parts `-abc4` into `-a`, and `-b -c 4` to come.
    fn expand(&mut self, word: String) -> String {
        let mut chars = word.chars();
        let (dash, letter) = (chars.next(), chars.next());
        let (Some('-'), Some(letter)) = (dash, letter) else { return word };
        if letter == '-' || !letter.is_ascii_alphabetic() || chars.as_str().is_empty() {
            return word;
        }
        let mut more = Vec::new();
        while let Some(next) = chars.clone().next() {
            if !next.is_ascii_alphabetic() {
                more.push(chars.as_str().to_owned());
                break;
            }
            more.push(format!("-{next}"));
            chars.next();
        }
        for part in more.into_iter().rev() {
            self.rest.push_front(part);
        }
        format!("-{letter}")
    }

    /// Returns the value that `flag`, one of the command's own, needs, whatever it looks like.
    ///
    /// # Errors
    ///
    /// When the command line ends here.
    pub(crate) fn own_value(&mut self, flag: &str) -> Outcome<String> {
        self.rest.pop_front().ok_or_else(|| self.wrong(format!("'{flag}' requires an argument")))
    }

    /// Returns the value that `flag`, one that all commands have, needs.
    ///
    /// # Errors
    ///
    /// When the command line ends here.
    pub(crate) fn value(&mut self, flag: &str) -> Outcome<String> {
        let [value] = self.values(flag)?;
        Ok(value)
    }

    /// Returns the `N` values that `flag`, one that all commands have, needs.
    ///
    /// # Errors
    ///
    /// When the command line ends before.
    pub(crate) fn values<const N: usize>(&mut self, flag: &str) -> Outcome<[String; N]> {
        let count = self.rest.len().min(N);
        let values: Vec<String> = self.rest.drain(..count).collect();
        values.try_into().map_err(|_| {
            self.wrong(format!(
                "flag '{flag}' requires {N} argument(s), but only {count} were given"
            ))
        })
    }

    /// Returns the command's name.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Returns the failure of a flag that the command does not have.
    pub(crate) fn unknown(&self, flag: &str) -> Failure {
        self.wrong(format!("unrecognised flag '{flag}'"))
    }

    /// Returns the failure of a command line that makes no sense.
    pub(crate) fn wrong(&self, message: impl std::fmt::Display) -> Failure {
        Failure::usage(&self.command, message)
    }
}

#[cfg(test)]
mod tests {
    use super::{Flags, Word};

    fn words(line: &str) -> Vec<Word> {
        let mut flags = Flags::new("nix-store", line.split(' ').map(str::to_owned));
        std::iter::from_fn(|| flags.next_word()).collect()
    }

    fn flag(text: &str) -> Word {
        Word::Flag(text.to_owned())
    }

    fn operand(text: &str) -> Word {
        Word::Operand(text.to_owned())
    }

    #[test]
    fn letters_may_share_a_dash() {
        assert_eq!(words("-qR x"), [flag("-q"), flag("-R"), operand("x")]);
        assert_eq!(words("-j4 --dump"), [flag("-j"), operand("4"), flag("--dump")]);
    }

    #[test]
    fn two_dashes_end_the_flags() {
        assert_eq!(words("- -- -q"), [operand("-"), operand("-q")]);
    }

    #[test]
    fn a_flag_without_its_value_is_told() {
        let mut flags = Flags::new("nix-build", ["-A".to_owned()]);
        assert_eq!(flags.next_word(), Some(flag("-A")));
        let failure = flags.own_value("-A").expect_err("nothing follows");
        assert!(failure.message.starts_with("'-A' requires an argument"));
        let mut flags = Flags::new("nix-build", ["a".to_owned()]);
        let failure = flags.values::<2>("--arg").expect_err("one is missing");
        let words = "flag '--arg' requires 2 argument(s), but only 1 were given";
        assert!(failure.message.starts_with(words), "{}", failure.message);
    }
}
