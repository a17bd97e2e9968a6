//! Several files and a cursor, written as one text.
//!
//! ```text
//! #- /lib.nix
//! { greet = name: "hi ${name}"; }
//! #- /main.nix
//! (import ./lib.nix).gr$0
//! ```
//!
//! A text without a `#- /path` line is the one file `/main.nix`.

/// The mark that stands for the cursor.
pub const CURSOR: &str = "$0";

/// One file of a fixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureFile {
    /// The absolute path that the file pretends to have.
    pub path: String,
    /// The content, without the cursor mark.
    pub text: String,
}

/// A place in one of the files of a fixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The index of the file in [`Fixture::files`].
    pub file: usize,
    /// The offset in that file's text, in bytes.
    pub offset: usize,
}

/// Files, and the cursor if the text marks one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixture {
    /// The files, in the order in which they were written.
    pub files: Vec<FixtureFile>,
    /// Where `$0` stood.
    pub cursor: Option<Cursor>,
}

impl Fixture {
    /// Reads a fixture.
    ///
    /// # Panics
    ///
    /// When two cursors are marked, or when text stands before the first `#- /path` line.
    pub fn parse(text: &str) -> Self {
        let mut files: Vec<FixtureFile> = Vec::new();
        if text.lines().any(|line| line.starts_with("#- /")) {
            for line in text.split_inclusive('\n') {
                if let Some(path) = line.strip_prefix("#- ") {
                    files.push(FixtureFile { path: path.trim().to_owned(), text: String::new() });
                } else {
                    let file = files.last_mut().expect("text stands before the first `#- /path`");
                    file.text.push_str(line);
                }
            }
        } else {
            files.push(FixtureFile { path: "/main.nix".to_owned(), text: text.to_owned() });
        }
        let mut cursor = None;
        for (file, entry) in files.iter_mut().enumerate() {
            while let Some(offset) = entry.text.find(CURSOR) {
                assert!(cursor.is_none(), "a fixture has at most one `$0`");
                entry.text.replace_range(offset..offset + CURSOR.len(), "");
                cursor = Some(Cursor { file, offset });
            }
        }
        Self { files, cursor }
    }

    /// Returns the text of the file called `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Fixture};

    #[test]
    fn a_text_without_headings_is_one_file() {
        let fixture = Fixture::parse("a$0b");
        assert_eq!(fixture.text("/main.nix"), Some("ab"));
        assert_eq!(fixture.cursor, Some(Cursor { file: 0, offset: 1 }));
    }

    #[test]
    fn headings_part_the_files() {
        let fixture = Fixture::parse("#- /a.nix\n1\n#- /b/c.nix\n2 $03\n");
        assert_eq!(fixture.text("/a.nix"), Some("1\n"));
        assert_eq!(fixture.text("/b/c.nix"), Some("2 3\n"));
        assert_eq!(fixture.cursor, Some(Cursor { file: 1, offset: 2 }));
    }

    #[test]
    fn an_interpolation_is_no_cursor() {
        assert_eq!(Fixture::parse("\"${a}\"").cursor, None);
    }
}
