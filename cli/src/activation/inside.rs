//! Paths as a system names them, followed where its files really lie.
//!
//! Below a staging directory an absolute link means that directory, not the host: `/nix/store/x`
//! is `DIR/nix/store/x`.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links are followed this often before they count as a loop.
const LINKS_MAX: usize = 64;

/// Returns where `path`, a path of the system below `root`, really is, with all links followed.
///
/// # Errors
///
/// When there is nothing, or links lead in a circle.
pub(crate) fn resolve(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut ahead: VecDeque<OsString> = names(path).into();
    let mut inside = PathBuf::new();
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            inside.pop();
            continue;
        }
        inside.push(&name);
        let place = root.join(&inside);
        if !std::fs::symlink_metadata(&place)?.file_type().is_symlink() {
            continue;
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(io::Error::other("too many links"));
        }
        let target = std::fs::read_link(&place)?;
        if target.is_absolute() {
            inside = PathBuf::new();
        } else {
            inside.pop();
        }
        for name in names(&target).into_iter().rev() {
            ahead.push_front(name);
        }
    }
    Ok(root.join(inside))
}

fn names(path: &Path) -> Vec<OsString> {
    let name = |part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn absolute_links_stay_below_the_root() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let store = root.path().join("nix/store");
        std::fs::create_dir_all(store.join("e-etc/etc")).expect("directories");
        std::fs::create_dir_all(store.join("s-system")).expect("directories");
        symlink("/nix/store/e-etc/etc", store.join("s-system/etc")).expect("a link");
        symlink("../../../../../up", store.join("e-etc/up")).expect("a link");
        std::fs::write(root.path().join("up"), "u").expect("a file");
        let found = resolve(root.path(), Path::new("/nix/store/s-system/etc"));
        assert_eq!(found.expect("there"), store.join("e-etc/etc"));
        let up = resolve(root.path(), Path::new("/nix/store/e-etc/up")).expect("there");
        assert_eq!(up, root.path().join("up"));
        assert!(resolve(root.path(), Path::new("/nix/store/none")).is_err());
    }

    #[test]
    fn circles_are_told() {
        let root = tempfile::tempdir().expect("a temporary directory");
        symlink("/b", root.path().join("a")).expect("a link");
        symlink("a", root.path().join("b")).expect("a link");
        let error = resolve(root.path(), Path::new("/a")).expect_err("a circle");
        assert_eq!(error.to_string(), "too many links");
    }
}
