//! What comments in a file say to this program: `# nivis: …`.
//!
//! | comment | meaning |
//! |---|---|
//! | `# nivis: role home-manager` | it is a module of `nixos`, `home-manager` or `nix-darwin` |
//! | `# nivis: role none` | the file defines no options |
//! | `# nivis: root ./host.nix` | it is part of that NixOS configuration |
//! | `# nivis: options EXPR` | it defines the options of what the expression evaluates to |
//! | `# nivis: at a.b` | … of the submodule that is the option's value |

use syntax::{TextRange, TextSize};

use super::super::cursor::Part;

/// What is said before the words.
const MARK: &[u8] = b"# nivis:";
/// How many lines are looked at.
const LINES_MAX: usize = 20;

/// What a file says of its role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// `role`
    pub(super) role: Option<String>,
    /// `root`
    pub(super) root: Option<String>,
    /// `options`
    pub(super) options: Option<String>,
    /// `at`
    at: Option<String>,
    /// `role none`
    pub(super) is_nothing: bool,
}

impl Said {
    /// Returns the option whose value the file is.
    pub(super) fn prefix(&self) -> Vec<Part> {
        let names = self.at.as_deref().unwrap_or_default().split('.');
        names.filter(|it| !it.is_empty()).map(|it| Part::Name(it.to_owned())).collect()
    }
}

/// Reads the comments at the beginning of a file.
pub(super) fn of(text: &[u8]) -> Said {
    let mut said = Said::default();
    for line in text.split(|&byte| byte == b'\n').take(LINES_MAX) {
        let Some(words) = words(line) else { continue };
        let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
        let rest = rest.trim().to_owned();
        match first {
            "role" if rest == "none" => said.is_nothing = true,
            "role" => said.role = Some(rest),
            "root" => said.root = Some(rest),
            "options" => said.options = Some(rest),
            "at" => said.at = Some(rest),
            _ => {}
        }
    }
    said
}

fn words(line: &[u8]) -> Option<&str> {
    let rest = line.trim_ascii().strip_prefix(MARK)?;
    std::str::from_utf8(rest).ok().map(str::trim)
}

/// Returns the bytes of those comments.
pub(super) fn ranges(text: &[u8]) -> Vec<TextRange> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for line in text.split(|&byte| byte == b'\n').take(LINES_MAX) {
        if words(line).is_some() {
            let (from, to) = (start as u32, (start + line.len()) as u32);
            ranges.push(TextRange::new(TextSize::from(from), TextSize::from(to)));
        }
        start += line.len() + 1;
    }
    ranges
}
