//! Reading the host's files, among which the store's objects stand at their logical paths.
//!
//! A store may keep `/nix/store/...` elsewhere (below a `--root`), or have no files at all; what is
//! read at a logical path comes from wherever the store has it.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use store::StorePath;
use store::nar::{NodeKind, Tree};

use super::Eval;
use crate::system::FileType;

/// A path in an object of the store.
struct InStore {
    object: StorePath,
    /// The path below the object, empty or with a slash in front.
    rest: PathBuf,
}

impl Eval<'_> {
    /// Returns the contents of a regular file of the host.
    pub(super) fn host_read_file(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let Some(inside) = self.in_store(path) else { return self.system().read_file(path) };
        let result = self.system().read_file(&self.real(&inside));
        self.or_from_tree(result, &inside, |tree, path| {
            let mut contents = Vec::new();
            tree.read_file(path, &mut contents)?;
            Ok(contents)
        })
    }

    /// Returns the names and types in a directory of the host, in any order.
    pub(super) fn host_read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        let Some(inside) = self.in_store(path) else { return self.system().read_dir(path) };
        let result = self.system().read_dir(&self.real(&inside));
        self.or_from_tree(result, &inside, |tree, path| {
            let names = tree.read_directory(path)?;
            let entry = |name: Vec<u8>| {
                let kind = tree.kind(&path.join(std::ffi::OsStr::from_bytes(&name)))?;
                Ok((name, file_type(&kind)))
            };
            names.into_iter().map(entry).collect()
        })
    }

    /// Returns what lies at a path of the host, without following a link there.
    pub(super) fn host_file_type(&self, path: &[u8]) -> io::Result<FileType> {
        let Some(inside) = self.in_store(path) else { return self.system().file_type(path) };
        let result = self.system().file_type(&self.real(&inside));
        self.or_from_tree(result, &inside, |tree, path| Ok(file_type(&tree.kind(path)?)))
    }

    /// Returns the target of a symbolic link of the host.
    pub(super) fn host_read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let Some(inside) = self.in_store(path) else { return self.system().read_link(path) };
        let result = self.system().read_link(&self.real(&inside));
        self.or_from_tree(result, &inside, |tree, path| tree.read_link(path))
    }

    fn in_store(&self, path: &[u8]) -> Option<InStore> {
        let directory = self.store().directory();
        if !path.starts_with(directory.as_str().as_bytes()) {
            return None;
        }
        let (object, rest) = directory.split(std::str::from_utf8(path).ok()?).ok()?;
        Some(InStore { object, rest: PathBuf::from(rest) })
    }

    fn real(&self, inside: &InStore) -> Vec<u8> {
        let mut real = self.store().real_path(&inside.object).into_os_string();
        real.push(&inside.rest);
        real.as_bytes().to_vec()
    }

    /// Asks the store itself where the file system has nothing.
    fn or_from_tree<T>(
        &self,
        result: io::Result<T>,
        inside: &InStore,
        read: impl FnOnce(&dyn Tree, &Path) -> io::Result<T>,
    ) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let store = self.store();
                if !store.is_valid(&inside.object).map_err(io::Error::other)? {
                    return Err(error);
                }
                let (tree, root) = store.tree(&inside.object).map_err(io::Error::other)?;
                let mut path = root.into_os_string();
                path.push(&inside.rest);
                read(&*tree, Path::new(&path))
            }
            other => other,
        }
    }
}

fn file_type(kind: &NodeKind) -> FileType {
    match kind {
        NodeKind::Directory => FileType::Directory,
        NodeKind::Symlink => FileType::Symlink,
        NodeKind::Other => FileType::Unknown,
        NodeKind::Regular { executable, .. } => FileType::Regular { executable: *executable },
    }
}
