//! Listings: the shape of an archive without the contents of its files.

use std::collections::BTreeMap;
use std::io::Read;

use crate::nar::NarError;
use crate::nar::reader::{Contents, Visitor, read_nar};

/// What is in an archive, as the `.ls` files of binary caches say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// A regular file.
    Regular {
        /// Whether it may be executed.
        executable: bool,
        /// The length of its contents, in bytes.
        size: u64,
        /// Where they begin in the archive, in bytes.
        offset: u64,
    },
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A directory and what is in it.
    Directory(BTreeMap<Vec<u8>, Listing>),
}

impl Listing {
    /// Reads an archive and returns its shape.
    ///
    /// # Errors
    ///
    /// As [`read_nar`].
    pub fn of(stream: &mut dyn Read) -> Result<Listing, NarError> {
        let mut builder = Builder { open: Vec::new(), root: None };
        read_nar(stream, &mut builder)?;
        builder
            .root
            .ok_or(NarError::Malformed { offset: 0, problem: "the archive is empty".to_owned() })
    }

    /// Returns the listing as the `root` of a `.ls` file.
    pub fn to_json(&self) -> serde_json::Value {
        // At most `MAX_DEPTH` calls deep: only reading makes listings.
        match self {
            Listing::Regular { executable, size, offset } => {
                let mut object = serde_json::json!({
                    "type": "regular", "size": size, "narOffset": offset,
                });
                if let (true, Some(object)) = (*executable, object.as_object_mut()) {
                    object.insert("executable".to_owned(), true.into());
                }
                object
            }
            Listing::Symlink(target) => serde_json::json!({
                "type": "symlink", "target": String::from_utf8_lossy(target),
            }),
            Listing::Directory(entries) => {
                let entries: serde_json::Map<_, _> = entries
                    .iter()
                    .map(|(name, node)| (String::from_utf8_lossy(name).into(), node.to_json()))
                    .collect();
                serde_json::json!({ "type": "directory", "entries": entries })
            }
        }
    }
}

type Entries = BTreeMap<Vec<u8>, Listing>;

struct Builder {
    /// The directories being read, outermost first, with their names.
    open: Vec<(Vec<u8>, Entries)>,
    root: Option<Listing>,
}

impl Builder {
    fn add(&mut self, name: &[u8], node: Listing) {
        match self.open.last_mut() {
            Some((_, entries)) => {
                entries.insert(name.to_vec(), node);
            }
            None => self.root = Some(node),
        }
    }
}

impl Visitor for Builder {
    fn enter_directory(&mut self, name: &[u8]) -> Result<(), NarError> {
        self.open.push((name.to_vec(), BTreeMap::new()));
        Ok(())
    }

    fn leave_directory(&mut self) -> Result<(), NarError> {
        if let Some((name, entries)) = self.open.pop() {
            self.add(&name, Listing::Directory(entries));
        }
        Ok(())
    }

    fn file(
        &mut self,
        name: &[u8],
        executable: bool,
        contents: &mut Contents<'_>,
    ) -> Result<(), NarError> {
        let (size, offset) = (contents.size(), contents.offset());
        self.add(name, Listing::Regular { executable, size, offset });
        Ok(())
    }

    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError> {
        self.add(name, Listing::Symlink(target.to_vec()));
        Ok(())
    }
}
