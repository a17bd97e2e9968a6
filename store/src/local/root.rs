//! Roots: the links and running processes that keep objects from being collected.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::hash::{Hash, HashAlgorithm};
use crate::local::{LocalSettings, LocalStore, create_directory, file_error, temporary_root};
use crate::path::StorePath;
use crate::store::{Roots, Store};

/// Files of the kernel that name programs it may run.
const KERNEL_PROGRAMS: [&str; 3] =
    ["/proc/sys/kernel/modprobe", "/proc/sys/kernel/fbsplash", "/proc/sys/kernel/poweroff_cmd"];

/// Has collections look at `link`, by a link to it in `gcroots/auto`.
pub(super) fn add_indirect(settings: &LocalSettings, link: &Path) -> Result<(), StoreError> {
    let link = std::path::absolute(link).map_err(file_error("resolve", link))?;
    let name = Hash::of(HashAlgorithm::Sha1, link.as_os_str().as_bytes()).to_base32();
    let directory = settings.state_directory.join("gcroots/auto");
    create_directory(&directory)?;
    replace_link(&directory.join(name), &link)
}

/// Makes `link` point to `path` and has collections look at it.
pub(super) fn add_permanent(
    settings: &LocalSettings,
    path: &StorePath,
    link: &Path,
) -> Result<(), StoreError> {
    let link = std::path::absolute(link).map_err(file_error("resolve", link))?;
    let in_store = |path: &Path| {
        settings.directory.contains(path) || path.starts_with(&settings.real_directory)
    };
    if in_store(&link) {
        let source =
            io::Error::other("creating a garbage collector root in the store is forbidden");
        return Err(file_error("create link", &link)(source));
    }
    let is_in_the_way = match fs::symlink_metadata(&link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(file_error("read", &link)(error)),
        Ok(metadata) => {
            !metadata.is_symlink() || !fs::read_link(&link).is_ok_and(|target| in_store(&target))
        }
    };
    if is_in_the_way {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(file_error("create link", &link)(source));
    }
    if let Some(parent) = link.parent() {
        create_directory(parent)?;
    }
    replace_link(&link, &settings.directory.join(path))?;
    let is_direct = ["gcroots", "profiles"]
        .iter()
        .any(|place| link.starts_with(settings.state_directory.join(place)));
    if is_direct { Ok(()) } else { add_indirect(settings, &link) }
}

/// Makes `link` point to `target`, in place of whatever it pointed to, at once.
///
/// # Errors
///
/// A link that cannot be made, or something in its place that no link may replace.
pub fn replace_link(link: &Path, target: &Path) -> Result<(), StoreError> {
    if fs::read_link(link).is_ok_and(|current| current == target) {
        return Ok(());
    }
    let error = file_error("create link", link);
    for serial in 0..1000u32 {
        let mut temporary = OsString::from(link);
        temporary.push(format!(".tmp-{}-{serial}", std::process::id()));
        match std::os::unix::fs::symlink(target, &temporary) {
            Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other.map_err(&error)?,
        }
        return fs::rename(&temporary, link).map_err(|problem| {
            let _ = fs::remove_file(&temporary);
            error(problem)
        });
    }
    Err(error(io::ErrorKind::AlreadyExists.into()))
}

/// Returns every root of the store.
pub(super) fn find_all(store: &LocalStore) -> Result<Roots, StoreError> {
    let mut roots = find_permanent(store)?;
    let settings = store.settings();
    for (path, process) in temporary_root::read_all(&settings.state_directory, &settings.directory)?
    {
        roots.entry(path).or_default().insert(format!("{{temp:{process}}}"));
    }
    Ok(roots)
}

/// Returns the roots that links and running processes are, leaving out what is not valid.
pub(super) fn find_permanent(store: &LocalStore) -> Result<Roots, StoreError> {
    let state = &store.settings().state_directory;
    let mut finder = Finder { store, roots: Roots::new() };
    finder.walk(&state.join("gcroots"))?;
    finder.walk(&state.join("profiles"))?;
    finder.running()?;
    Ok(finder.roots)
}

struct Finder<'s> {
    store: &'s LocalStore,
    roots: Roots,
}

impl Finder<'_> {
    fn walk(&mut self, top: &Path) -> Result<(), StoreError> {
        let mut pending = vec![top.to_path_buf()];
        while let Some(path) = pending.pop() {
            match self.visit(&path, &mut pending) {
                Ok(()) => {}
                // Whoever may not see a root cannot be asked to honour it.
                Err(error) if is_unreachable(&error) => {}
                Err(error) => return Err(file_error("read root", &path)(error)),
            }
        }
        Ok(())
    }

    fn visit(&mut self, path: &Path, pending: &mut Vec<PathBuf>) -> io::Result<()> {
        let kind = fs::symlink_metadata(path)?.file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(path)? {
                pending.push(entry?.path());
            }
        } else if kind.is_symlink() {
            self.visit_link(path)?;
        } else if kind.is_file() {
            // A file named like an object keeps that object.
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Ok(object) = StorePath::from_base_name(&name) {
                self.found(&object, path.display().to_string());
            }
        }
        Ok(())
    }

    fn visit_link(&mut self, path: &Path) -> io::Result<()> {
        let target = fs::read_link(path)?;
        if self.found_path(&target, path) {
            return Ok(());
        }
        let target = path.parent().unwrap_or(path).join(target);
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let object = fs::read_link(&target)?;
                self.found_path(&object, &target);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let auto = self.store.settings().state_directory.join("gcroots/auto");
                if path.starts_with(&auto) && !self.store.settings().read_only {
                    // The link that it stood for is gone, and so is its claim.
                    fs::remove_file(path)?;
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Notes that `root` keeps what `target` is in; returns whether that is in the store at all.
    fn found_path(&mut self, target: &Path, root: &Path) -> bool {
        let object = object_of(self.store, target);
        if let Some(object) = &object {
            self.found(object, root.display().to_string());
        }
        object.is_some()
    }

    fn found(&mut self, object: &StorePath, root: String) {
        if self.store.is_valid(object).unwrap_or(true) {
            self.roots.entry(object.clone()).or_default().insert(root);
        }
    }

    /// Finds what running programs run, have open, have mapped or have in their environment.
    fn running(&mut self) -> Result<(), StoreError> {
        for program in KERNEL_PROGRAMS {
            if let Ok(contents) = fs::read(program) {
                self.found_in_text(&contents, program);
            }
        }
        let Ok(processes) = fs::read_dir("/proc") else { return Ok(()) };
        for process in processes.flatten() {
            let name = process.file_name();
            if name.as_bytes().iter().all(u8::is_ascii_digit) {
                self.process(&process.path());
            }
        }
        Ok(())
    }

    /// Looks at one process, as far as we may; it may be gone at any moment.
    fn process(&mut self, place: &Path) {
        let mut links = vec![place.join("exe"), place.join("cwd")];
        if let Ok(open) = fs::read_dir(place.join("fd")) {
            links.extend(open.flatten().map(|entry| entry.path()));
        }
        for link in links {
            if let Ok(target) = fs::read_link(&link) {
                self.found_path(&target, &link);
            }
        }
        for file in ["maps", "environ"] {
            let file = place.join(file);
            if let Ok(contents) = fs::read(&file) {
                self.found_in_text(&contents, &file.display().to_string());
            }
        }
    }

    fn found_in_text(&mut self, text: &[u8], root: &str) {
        let settings = self.store.settings();
        let real = settings.real_directory.as_os_str().as_bytes();
        let logical = settings.directory.as_str().as_bytes();
        let mut objects = BTreeSet::new();
        for directory in BTreeSet::from([real, logical]) {
            objects.extend(objects_in(text, directory));
        }
        for object in objects {
            self.found(&object, root.to_owned());
        }
    }
}

/// Returns the object that `path` is or is in, whether said by logical or by real path.
fn object_of(store: &LocalStore, path: &Path) -> Option<StorePath> {
    let settings = store.settings();
    let inner = path
        .strip_prefix(settings.directory.as_str())
        .or_else(|_| path.strip_prefix(&settings.real_directory))
        .ok()?;
    let first = inner.components().next()?;
    StorePath::from_base_name(first.as_os_str().to_str()?).ok()
}

/// Returns the objects of `directory` whose paths stand in `text`.
fn objects_in(text: &[u8], directory: &[u8]) -> BTreeSet<StorePath> {
    let finder = memchr::memmem::Finder::new(directory);
    let mut objects = BTreeSet::new();
    for start in finder.find_iter(text) {
        let rest = text.get(start + directory.len()..).unwrap_or_default();
        let Some(rest) = rest.strip_prefix(b"/") else { continue };
        let is_part = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b'?' | b'=')
        };
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        let name = OsString::from_vec(rest.split_at(length).0.to_vec());
        if let Some(Ok(object)) = name.to_str().map(StorePath::from_base_name) {
            objects.insert(object);
        }
    }
    objects
}

fn is_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
    )
}
