//! The store on disk, in CppNix's layout: a directory of objects and a database of the valid ones.
//!
//! Where the files are and what the paths say are two things: a store below a directory `DIR` keeps
//! its files in `DIR/nix/store` while its paths begin with `/nix/store`.
//!
//! | below the state directory | holds |
//! |---|---|
//! | `db/db.sqlite` `db/schema` `db/big-lock` `db/reserved` | the database, its version, its lock |
//! | `gcroots/` `profiles/` | links to what must stay |
//! | `temproots/PID` `gc.lock` `gc-socket/` | how builds and collections meet |

pub mod canonical;
mod database;
mod gc;
mod lock;
mod optimise;
mod remove;
mod root;
mod temporary_root;
mod texts;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{Flock, FlockArg};
use rustc_hash::FxHashMap;

pub use self::lock::PathLocks;
pub use self::remove::remove_tree;
pub use self::root::replace_link;

use self::database::{Access, Database, Entry, SCHEMA_VERSION};
use self::lock::{lock, open_lock_file};
use self::temporary_root::TemporaryRoots;
use crate::build::{self, Site};
use crate::closure::sorted_by_reference;
use crate::derivation::modulo::{HashModulo, check_output_paths, hash_modulo};
use crate::derivation::{Derivation, DerivationError, EXTENSION, aterm};
use crate::error::{AddError, BuildError, FetchError, GcError, StoreError};
use crate::event::Events;
use crate::fetch::{FetchOptions, FetchRequest};
use crate::hash::Hash;
use crate::nar::disk::DiskTree;
use crate::nar::restore::{Metadata, restore};
use crate::nar::writer::WriteError;
use crate::nar::{NarError, NodeKind, Tree};
use crate::path::{StoreDirectory, StorePath};
use crate::path_info::PathInfo;
use crate::realise::{DerivedPath, RealiseOptions, Realised};
use crate::source::{Source, SourceRequest};
use crate::store::{GcOptions, GcResult, NewText, NewTree, Roots, Store, text_info};
use crate::substitute::ClosureRequest;
use crate::tree_hash::{CheckedNar, TreeHash};

/// Where space is set aside, below the state directory.
const RESERVE: &str = "db/reserved";

/// How much of an archive is kept while it is hashed, so as not to read the tree twice, in bytes.
const KEPT_ARCHIVE: usize = if cfg!(test) { 64 << 10 } else { 32 << 20 };

/// From which size on, in bytes, one flush of the whole file system is cheaper than one per file.
const FLUSH_ALL_SIZE: u64 = 1 << 20;

/// Where a store is and how it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSettings {
    /// The logical directory, which paths begin with.
    pub directory: StoreDirectory,
    /// Where the objects' files are.
    pub real_directory: PathBuf,
    /// Where the database, the roots and the profiles are.
    pub state_directory: PathBuf,
    /// Where build logs are.
    pub log_directory: PathBuf,
    /// Change nothing, and do not even make missing directories.
    pub read_only: bool,
    /// A derivation that stays keeps its outputs.
    pub keep_outputs: bool,
    /// An output that stays keeps the derivations that make it.
    pub keep_derivations: bool,
    /// Have files on the disk before they are registered, so that a power failure loses nothing.
    pub sync: bool,
    /// Use a write-ahead log for the database.
    pub use_wal: bool,
    /// Replace files by hard links to equal ones as they are added.
    pub auto_optimise: bool,
    /// The group whose members run builds for root; it may write into the store directory.
    pub build_group: Option<String>,
    /// How much disk is set aside so that a collection can run when the rest is full, in bytes.
    pub reserved_bytes: u64,
    /// Flush all disks before objects are registered.
    pub sync_all: bool,
    /// The store's directory may be a symbolic link, and so may those above it.
    pub may_be_link: bool,
}

impl LocalSettings {
    /// Returns the settings of the system's store, in `/nix`.
    pub fn system() -> LocalSettings {
        LocalSettings::below(Path::new("/"))
    }

    /// Returns the settings of the store whose files are below `root`, as if `root` were `/`.
    pub fn below(root: &Path) -> LocalSettings {
        LocalSettings {
            directory: StoreDirectory::default(),
            real_directory: root.join("nix/store"),
            state_directory: root.join("nix/var/nix"),
            log_directory: root.join("nix/var/log/nix"),
            read_only: false,
            keep_outputs: false,
            keep_derivations: true,
            sync: true,
            use_wal: true,
            auto_optimise: false,
            build_group: None,
            reserved_bytes: 8 << 20,
            sync_all: false,
            may_be_link: true,
        }
    }

    /// Returns whether this user may write the store, or make it as root may.
    pub fn is_writable(&self) -> bool {
        let access = nix::unistd::AccessFlags::R_OK | nix::unistd::AccessFlags::W_OK;
        nix::unistd::geteuid().is_root()
            || nix::unistd::access(&self.state_directory, access).is_ok()
    }
}

/// A store on disk.
#[derive(Debug)]
pub struct LocalStore {
    settings: LocalSettings,
    database: Mutex<Database>,
    temporary_roots: Mutex<Option<TemporaryRoots>>,
    /// The hashes of derivations already seen, by which others are checked.
    modulo: Mutex<FxHashMap<StorePath, HashModulo>>,
    /// Held shared for as long as the store is open, against changes of the schema.
    _big_lock: Option<Flock<File>>,
}

/// Returns what to say when `action` on `path` fails.
fn file_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::File { action, path: path.clone(), source }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic leaves a transaction to be undone by SQLite and a set of roots that is too large.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LocalStore {
    /// Opens the store, and makes it if it is not there.
    ///
    /// Several processes may open, and make, one store at the same time.
    ///
    /// # Errors
    ///
    /// A directory that cannot be made or written, a foreign schema, a damaged database.
    pub fn open(settings: LocalSettings) -> Result<LocalStore, StoreError> {
        if !settings.may_be_link {
            check_no_link(&settings.real_directory)?;
        }
        let (database, big_lock) = if settings.read_only {
            (open_read_only(&settings)?, None)
        } else {
            make_directories(&settings)?;
            let (database, big_lock) = open_database(&settings)?;
            (database, Some(big_lock))
        };
        Ok(LocalStore {
            settings,
            database: Mutex::new(database),
            temporary_roots: Mutex::new(None),
            modulo: Mutex::default(),
            _big_lock: big_lock,
        })
    }

    /// Returns the settings that it was opened with.
    pub fn settings(&self) -> &LocalSettings {
        &self.settings
    }

    /// Returns where the files with this name in the store directory really are.
    fn real(&self, base_name: &str) -> PathBuf {
        self.settings.real_directory.join(base_name)
    }

    fn database(&self) -> MutexGuard<'_, Database> {
        locked(&self.database)
    }

    fn check_writable(&self, action: &'static str) -> Result<(), StoreError> {
        if self.settings.read_only {
            let store = self.settings.real_directory.display().to_string();
            return Err(StoreError::ReadOnly { action, store });
        }
        Ok(())
    }

    /// Has the files of `path`, whose archive is `size` bytes long, on the disk.
    ///
    /// Does nothing if the settings say not to.
    ///
    /// # Errors
    ///
    /// A disk that fails.
    pub fn sync(&self, path: &Path, size: u64) -> Result<(), StoreError> {
        if !self.settings.sync {
            return Ok(());
        }
        let error = file_error("flush", path);
        if size >= FLUSH_ALL_SIZE {
            let directory = File::open(&self.settings.real_directory).map_err(&error)?;
            return nix::unistd::syncfs(&directory).map_err(|e| error(e.into()));
        }
        sync_tree(path).map_err(&error)?;
        File::open(&self.settings.real_directory)
            .and_then(|directory| directory.sync_all())
            .map_err(&error)
    }

    /// Registers `infos` together; `check` has derivations' output paths recomputed.
    fn register_all(&self, infos: &[PathInfo], check: bool) -> Result<(), AddError> {
        self.check_writable("register paths")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let by_path: BTreeMap<&StorePath, &PathInfo> =
            infos.iter().map(|info| (&info.path, info)).collect();
        let references: BTreeMap<StorePath, BTreeSet<StorePath>> =
            infos.iter().map(|info| (info.path.clone(), info.references.clone())).collect();
        let mut stamped = Vec::with_capacity(infos.len());
        for path in sorted_by_reference(&references).map_err(StoreError::from)? {
            let Some(info) = by_path.get(&path) else { continue };
            self.check_references(info, &by_path)?;
            let mut info = (*info).clone();
            if info.registration_time == 0 {
                info.registration_time = now as i64;
            }
            stamped.push(info);
        }
        let mut entries = Vec::with_capacity(stamped.len());
        for info in &stamped {
            entries.push(Entry { info, outputs: self.outputs_to_register(info, check)? });
        }
        if self.settings.sync_all {
            nix::unistd::sync();
        }
        Ok(self.database().register(&entries)?)
    }

    fn check_references(
        &self,
        info: &PathInfo,
        together: &BTreeMap<&StorePath, &PathInfo>,
    ) -> Result<(), AddError> {
        for reference in &info.references {
            if !together.contains_key(reference) && !self.is_valid(reference)? {
                return Err(AddError::InvalidReference {
                    path: self.directory().display(&info.path),
                    reference: self.directory().display(reference),
                });
            }
        }
        Ok(())
    }

    /// Returns the known outputs of `info` if it is a derivation.
    fn outputs_to_register(
        &self,
        info: &PathInfo,
        check: bool,
    ) -> Result<Vec<(String, StorePath)>, StoreError> {
        let Some(name) = info.path.name().strip_suffix(EXTENSION) else { return Ok(Vec::new()) };
        let derivation = self.read_derivation_file(&info.path, name)?;
        if check {
            let directory = self.directory();
            check_output_paths(directory, &derivation, &mut |path| self.modulo_of(path))?;
        }
        let outputs = derivation.output_paths(self.directory())?;
        Ok(outputs.into_iter().filter_map(|(name, path)| Some((name, path?))).collect())
    }

    /// Reads a derivation whose file is in place, be it valid or about to be registered.
    fn read_derivation_file(&self, path: &StorePath, name: &str) -> Result<Derivation, StoreError> {
        let file = self.real_path(path);
        let text = fs::read(&file).map_err(file_error("read", &file))?;
        Ok(aterm::read(self.directory(), name, &text)?)
    }

    /// Returns the hash modulo fixed outputs of the derivation `path`, as other derivations see it.
    pub(crate) fn modulo_of(&self, path: &StorePath) -> Result<HashModulo, DerivationError> {
        // An explicit stack: derivations may need each other to any depth.
        let mut pending = vec![path.clone()];
        while let Some(next) = pending.last().cloned() {
            if locked(&self.modulo).contains_key(&next) {
                pending.pop();
                continue;
            }
            let name = next.name().strip_suffix(EXTENSION).unwrap_or(next.name());
            let unreadable = |error: StoreError| DerivationError::Input {
                name: name.to_owned(),
                input: next.clone(),
                problem: error.to_string(),
            };
            let derivation = self.read_derivation_file(&next, name).map_err(unreadable)?;
            let mut missing = Vec::new();
            {
                let known = locked(&self.modulo);
                missing.extend(
                    derivation
                        .input_derivations
                        .keys()
                        .filter(|key| !known.contains_key(*key))
                        .cloned(),
                );
            }
            if !missing.is_empty() {
                if missing.iter().any(|input| pending.contains(input)) {
                    let problem = "it needs itself".to_owned();
                    let name = name.to_owned();
                    return Err(DerivationError::Input { name, input: next.clone(), problem });
                }
                pending.extend(missing);
                continue;
            }
            let modulo = hash_modulo(self.directory(), &derivation, &mut |input| {
                self.known_modulo(name, input)
            })?;
            locked(&self.modulo).insert(next, modulo);
            pending.pop();
        }
        self.known_modulo(path.name(), path)
    }

    fn known_modulo(&self, name: &str, input: &StorePath) -> Result<HashModulo, DerivationError> {
        locked(&self.modulo).get(input).cloned().ok_or_else(|| DerivationError::Input {
            name: name.to_owned(),
            input: input.clone(),
            problem: "it was not read".to_owned(),
        })
    }

    /// Makes `info.path` valid by having `write` put its files in place, unless it is valid.
    ///
    /// `write` finds nothing where it is to write; what it leaves on failure is removed.
    fn add_with(
        &self,
        info: &PathInfo,
        check: bool,
        write: impl FnOnce(&Path) -> Result<(), AddError>,
    ) -> Result<(), AddError> {
        self.check_writable("add a path")?;
        self.add_temporary_root(&info.path)?;
        if self.is_valid(&info.path)? {
            return Ok(());
        }
        let real = self.real_path(&info.path);
        let mut locks = PathLocks::wait(&[real.clone()].into())?;
        if self.is_valid(&info.path)? {
            locks.delete_files();
            return Ok(());
        }
        let remove = || remove_tree(&real).map_err(file_error("remove", &real));
        remove()?;
        let written = write(&real).and_then(|()| {
            self.optimise_new(&real)?;
            self.sync(&real, info.nar_size)?;
            self.register_all(std::slice::from_ref(info), check)
        });
        if written.is_err() {
            // The first failure is the one to tell; what stays is not valid, so nobody uses it.
            let _ = remove();
        }
        locks.delete_files();
        written
    }

    fn write_text(real: &Path, contents: &[u8]) -> Result<(), AddError> {
        let error = file_error("write", real);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(real)
            .map_err(&error)?;
        file.write_all(contents).map_err(&error)?;
        canonical::finish_file(&file, false).map_err(&error)?;
        Ok(())
    }
}

/// Flushes every file below `path` and every directory, without following links.
fn sync_tree(path: &Path) -> io::Result<()> {
    let mut pending = vec![path.to_path_buf()];
    while let Some(next) = pending.pop() {
        let kind = fs::symlink_metadata(&next)?.file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(&next)? {
                pending.push(entry?.path());
            }
        }
        if kind.is_dir() || kind.is_file() {
            let flags = nix::libc::O_NOFOLLOW | nix::libc::O_CLOEXEC;
            OpenOptions::new().read(true).custom_flags(flags).open(&next)?.sync_all()?;
        }
    }
    Ok(())
}

fn create_directory(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(file_error("create directory", path))
}

fn make_directories(settings: &LocalSettings) -> Result<(), StoreError> {
    let state = &settings.state_directory;
    let is_new = !settings.real_directory.exists();
    create_directory(&settings.real_directory)?;
    if is_new {
        prepare_store_directory(settings)?;
    }
    create_directory(&settings.real_directory.join(".links"))?;
    for directory in ["db", temporary_root::DIRECTORY, "gcroots/auto", "gcroots/per-user"] {
        create_directory(&state.join(directory))?;
    }
    create_directory(&state.join("profiles/per-user"))?;
    let link = state.join("gcroots/profiles");
    match std::os::unix::fs::symlink(state.join("profiles"), &link) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(file_error("create link", &link)(error));
        }
        _ => {}
    }
    let database_directory = state.join("db");
    let access = nix::unistd::AccessFlags::R_OK | nix::unistd::AccessFlags::W_OK;
    nix::unistd::access(&database_directory, access).map_err(|error| {
        file_error("write to database directory", &database_directory)(error.into())
    })
}

/// Gives a new store directory the owner and permissions that builds under other users need.
fn prepare_store_directory(settings: &LocalSettings) -> Result<(), StoreError> {
    let directory = &settings.real_directory;
    let Some(group) = settings.build_group.as_deref().filter(|_| nix::unistd::geteuid().is_root())
    else {
        return Ok(());
    };
    let error = file_error("set the group of", directory);
    let Some(group) = nix::unistd::Group::from_name(group).map_err(|e| error(e.into()))? else {
        return Ok(());
    };
    std::os::unix::fs::chown(directory, None, Some(group.gid.as_raw())).map_err(&error)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o1775)).map_err(&error)
}

fn database_file(settings: &LocalSettings) -> PathBuf {
    settings.state_directory.join("db/db.sqlite")
}

fn schema_file(settings: &LocalSettings) -> PathBuf {
    settings.state_directory.join("db/schema")
}

/// Returns the version of the store's schema, or `None` if it has none yet.
fn read_schema(settings: &LocalSettings) -> Result<Option<u32>, StoreError> {
    let path = schema_file(settings);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(file_error("read", &path))?,
    };
    let supported = SCHEMA_VERSION;
    match text.trim().parse() {
        Ok(version) if version == supported => Ok(Some(version)),
        _ => Err(StoreError::Schema { path, found: text.trim().to_owned(), supported }),
    }
}

fn open_read_only(settings: &LocalSettings) -> Result<Database, StoreError> {
    let file = database_file(settings);
    if read_schema(settings)?.is_none() {
        return Err(file_error("open", &file)(io::ErrorKind::NotFound.into()));
    }
    let directory = file.parent().unwrap_or(&file);
    let is_writable = nix::unistd::access(directory, nix::unistd::AccessFlags::W_OK).is_ok();
    let access = if is_writable { Access::Read } else { Access::Immutable };
    Database::open(&file, &settings.directory, access)
}

/// Opens the database for writing and holds its lock shared, making it first if it is not there.
fn open_database(settings: &LocalSettings) -> Result<(Database, Flock<File>), StoreError> {
    reserve_space(&settings.state_directory.join(RESERVE), settings.reserved_bytes);
    let lock_path = settings.state_directory.join("db/big-lock");
    let wait = |kind| -> Result<Flock<File>, StoreError> {
        match lock(open_lock_file(&lock_path)?, kind, &lock_path)? {
            Ok(held) => Ok(held),
            Err(_) => Err(file_error("lock", &lock_path)(io::ErrorKind::WouldBlock.into())),
        }
    };
    let file = database_file(settings);
    let access = |create| Access::Write { wal: settings.use_wal, create };
    let mut shared = wait(FlockArg::LockShared)?;
    if read_schema(settings)?.is_none() {
        drop(shared);
        let exclusive = wait(FlockArg::LockExclusive)?;
        // Another process may have made it while nobody held the lock.
        if read_schema(settings)?.is_none() {
            let mut database = Database::open(&file, &settings.directory, access(true))?;
            database.create()?;
            drop(database);
            write_schema(settings)?;
        }
        drop(exclusive);
        shared = wait(FlockArg::LockShared)?;
    }
    // A database that has gone missing is not made anew: that would forget every object.
    let open = || Database::open(&file, &settings.directory, access(false));
    let database = open().or_else(|error| {
        if !is_full(&error) {
            return Err(error);
        }
        // This is what the space was set aside for: to open the store and collect garbage.
        let _ = fs::remove_file(settings.state_directory.join(RESERVE));
        open()
    })?;
    Ok((database, shared))
}

/// Whether a database could not be opened for want of space, as far as SQLite tells.
fn is_full(error: &StoreError) -> bool {
    use rusqlite::ErrorCode;
    let StoreError::Database { problem, .. } = error else { return false };
    matches!(
        problem.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull | ErrorCode::CannotOpen)
    )
}

/// Refuses a store whose directory is a symbolic link, or lies below one.
fn check_no_link(directory: &Path) -> Result<(), StoreError> {
    for path in directory.ancestors().filter(|path| path.parent().is_some()) {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(StoreError::Link { path: path.to_path_buf() });
        }
    }
    Ok(())
}

/// Sets space aside; a disk too full for that is still good for everything else.
fn reserve_space(path: &Path, size: u64) {
    let is_reserved = fs::metadata(path).is_ok_and(|metadata| metadata.len() == size);
    if is_reserved {
        return;
    }
    let reserve = || -> io::Result<()> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if size > 0 {
            let length = i64::try_from(size).unwrap_or(i64::MAX);
            nix::fcntl::posix_fallocate(&file, 0, length)?;
        }
        file.set_len(size)
    };
    if reserve().is_err() {
        let _ = fs::remove_file(path);
    }
}

/// Says that the database is complete, whatever happens afterwards.
fn write_schema(settings: &LocalSettings) -> Result<(), StoreError> {
    let path = schema_file(settings);
    let error = file_error("write", &path);
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary).map_err(&error)?;
    file.write_all(SCHEMA_VERSION.to_string().as_bytes()).map_err(&error)?;
    file.sync_all().map_err(&error)?;
    fs::rename(&temporary, &path).map_err(&error)?;
    let directory = path.parent().unwrap_or(&path);
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(&error)
}

impl Store for LocalStore {
    fn directory(&self) -> &StoreDirectory {
        &self.settings.directory
    }

    fn real_path(&self, path: &StorePath) -> PathBuf {
        self.real(path.base_name())
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError> {
        self.database().path_info(path)
    }

    fn is_valid(&self, path: &StorePath) -> Result<bool, StoreError> {
        self.database().is_valid(path)
    }

    fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError> {
        self.database().all_valid_paths()
    }

    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        self.database().path_from_hash_part(hash_part)
    }

    fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        self.database().referrers(path)
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        self.database().valid_derivers(path)
    }

    fn derivation_outputs(
        &self,
        path: &StorePath,
    ) -> Result<BTreeMap<String, Option<StorePath>>, StoreError> {
        let mut outputs = self.read_derivation(path)?.output_paths(self.directory())?;
        for (name, known) in self.database().derivation_outputs(path)? {
            outputs.insert(name, Some(known));
        }
        if outputs.values().all(Option::is_some) {
            return Ok(outputs);
        }
        let modulo = self.modulo_of(path)?;
        for (name, known) in &mut outputs {
            if let (None, Some(digest)) = (&known, modulo.digest(name)) {
                *known = self.database().realisation(digest, name)?;
            }
        }
        Ok(outputs)
    }

    fn register_outputs(
        &self,
        derivation: &StorePath,
        outputs: &BTreeMap<String, StorePath>,
    ) -> Result<(), StoreError> {
        self.check_writable("register outputs")?;
        let modulo = self.modulo_of(derivation)?;
        let known = outputs.iter().filter_map(|(name, path)| {
            modulo.digest(name).map(|digest| (*digest, name.as_str(), path))
        });
        let known: Vec<(Hash, &str, &StorePath)> = known.collect();
        self.database().register_realisations(&known)
    }

    fn tree(&self, path: &StorePath) -> Result<(Box<dyn Tree + '_>, PathBuf), StoreError> {
        if !self.is_valid(path)? {
            return Err(StoreError::NotValid { path: self.directory().display(path) });
        }
        Ok((Box::new(DiskTree), self.real_path(path)))
    }

    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &BTreeSet<StorePath>,
    ) -> Result<StorePath, AddError> {
        let info = text_info(self.directory(), name, contents, references)?;
        self.add_with(&info, true, |real| Self::write_text(real, contents))?;
        Ok(info.path)
    }

    fn add_derivation(&self, derivation: &Derivation) -> Result<StorePath, AddError> {
        // Whoever has a derivation in hand computed its paths; only foreign files are checked.
        let NewText { info, contents, .. } = NewText::derivation(self.directory(), derivation)?;
        self.add_with(&info, false, |real| Self::write_text(real, &contents))?;
        Ok(info.path)
    }

    fn add_texts(&self, texts: &[NewText]) -> Result<(), AddError> {
        self.add_all_texts(texts)
    }

    fn add_tree(&self, new: NewTree<'_>) -> Result<StorePath, AddError> {
        let mut kept = KeptArchive::default();
        let NewTree { name, tree, path, filter, method, algorithm, references } = new;
        // A filter is asked once about each entry, however often the tree is read.
        let mut refused = BTreeSet::new();
        let mut ask = |entry: &Path, kind: NodeKind| {
            let wanted = filter(entry, kind)?;
            if !wanted {
                refused.insert(entry.to_path_buf());
            }
            Ok(wanted)
        };
        let hash = TreeHash::of(tree, path, &mut ask, method, algorithm, &mut kept)?;
        let info = hash.path_info(self.directory(), name, &references)?;
        self.add_with(&info, true, |real| {
            if let Some(archive) = &kept.bytes {
                return unpack(self.directory(), &info, &mut archive.as_slice(), real);
            }
            let (written, read) = pipe(
                |sink| {
                    let mut wanted = |entry: &Path, _: NodeKind| Ok(!refused.contains(entry));
                    TreeHash::of(tree, path, &mut wanted, method, algorithm, sink)?;
                    Ok(())
                },
                |source| unpack(self.directory(), &info, source, real),
            )?;
            settled(path, written, read)
        })?;
        Ok(info.path)
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read) -> Result<(), AddError> {
        let mut is_read = false;
        self.add_with(info, true, |real| {
            is_read = true;
            unpack(self.directory(), info, &mut *nar, real)
        })?;
        if !is_read {
            // Whoever sent the archive expects it to be read, needed or not.
            skip(self.directory(), info, nar)?;
        }
        Ok(())
    }

    fn register(&self, infos: &[PathInfo]) -> Result<(), AddError> {
        for info in infos {
            let real = self.real_path(&info.path);
            self.optimise_new(&real)?;
            self.sync(&real, info.nar_size)?;
        }
        self.register_all(infos, true)
    }

    fn add_temporary_root(&self, path: &StorePath) -> Result<(), StoreError> {
        if self.settings.read_only {
            return Ok(());
        }
        let mut roots = locked(&self.temporary_roots);
        if roots.is_none() {
            *roots = Some(TemporaryRoots::create(&self.settings.state_directory)?);
        }
        match roots.as_mut() {
            Some(roots) => roots.add(&self.settings.directory, path),
            None => Ok(()),
        }
    }

    fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
        self.check_writable("add a root")?;
        root::add_indirect(&self.settings, link)
    }

    fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<(), StoreError> {
        self.check_writable("add a root")?;
        self.add_temporary_root(path)?;
        root::add_permanent(&self.settings, path, link)
    }

    fn roots(&self) -> Result<Roots, StoreError> {
        root::find_all(self)
    }

    fn collect_garbage(
        &self,
        options: &GcOptions,
        events: &dyn Events,
    ) -> Result<GcResult, GcError> {
        gc::collect(self, options, events)
    }

    fn verify(
        &self,
        check_contents: bool,
        repair: bool,
        events: &dyn Events,
    ) -> Result<bool, StoreError> {
        verify::verify(self, check_contents, repair, events)
    }

    fn fetch(
        &self,
        request: &FetchRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        crate::fetch::fetch(self, request, options, events)
    }

    fn fetch_closure(
        &self,
        request: &ClosureRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        crate::substitute::fetch_closure(self, request, options, events)
    }

    fn add_source(
        &self,
        request: &SourceRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<Source, FetchError> {
        crate::source::add(self, request, options, events)
    }

    fn realise(
        &self,
        targets: &[DerivedPath],
        options: &RealiseOptions,
        events: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError> {
        let site = Site {
            store: self,
            real_directory: self.settings.real_directory.clone(),
            state_directory: self.settings.state_directory.clone(),
            log_directory: self.settings.log_directory.clone(),
        };
        build::realise(&site, targets, options, events)
    }
}

/// Unpacks the archive of `info` to `real` and checks that it is the one announced.
fn unpack(
    directory: &StoreDirectory,
    info: &PathInfo,
    archive: &mut dyn Read,
    real: &Path,
) -> Result<(), AddError> {
    let path = directory.display(&info.path);
    let mut checked = CheckedNar::new(archive);
    restore(&mut checked, real, Metadata::Canonical)
        .map_err(|source| AddError::Nar { path: path.clone(), source })?;
    checked.finish(&path, info)
}

/// Reads an archive that is not needed.
fn skip(directory: &StoreDirectory, info: &PathInfo, nar: &mut dyn Read) -> Result<(), AddError> {
    let path = || directory.display(&info.path);
    io::copy(&mut nar.take(info.nar_size), &mut io::sink()).map_err(|source| AddError::Nar {
        path: path(),
        source: crate::nar::NarError::Read(source),
    })?;
    Ok(())
}

/// Keeps an archive up to a size, and nothing of a longer one.
struct KeptArchive {
    bytes: Option<Vec<u8>>,
}

impl Default for KeptArchive {
    fn default() -> KeptArchive {
        KeptArchive { bytes: Some(Vec::new()) }
    }
}

impl Write for KeptArchive {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Some(bytes) if bytes.len() + contents.len() <= KEPT_ARCHIVE => {
                bytes.extend_from_slice(contents);
            }
            _ => self.bytes = None,
        }
        Ok(contents.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a side of a pipe ended.
type Ended = Result<(), AddError>;

/// Runs `write` here and `read` on a thread, what the one writes being what the other reads;
/// returns how each ended.
fn pipe(
    write: impl FnOnce(&mut dyn Write) -> Result<(), AddError>,
    read: impl FnOnce(&mut dyn Read) -> Result<(), AddError> + Send,
) -> Result<(Ended, Ended), AddError> {
    let opened = io::pipe().map_err(file_error("create", Path::new("a pipe")))?;
    let (mut source, sink) = opened;
    Ok(std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut buffered = io::BufReader::with_capacity(256 << 10, &mut source);
            read(&mut buffered)
        });
        let mut sink = io::BufWriter::with_capacity(256 << 10, sink);
        let written = write(&mut sink).and_then(|()| {
            sink.flush().map_err(|e| file_error("write", Path::new("a pipe"))(e).into())
        });
        drop(sink);
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (written, read)
    }))
}

/// Returns how the second reading of a tree ended, whose archive was unpacked meanwhile.
///
/// The tree's own error is the one to tell; an archive that is not the one that was hashed before
/// says that the tree has changed. A reader that gives up makes the writer fail, but only it knows
/// why.
fn settled(path: &Path, written: Ended, read: Ended) -> Ended {
    let changed = || AddError::Tree {
        path: path.to_path_buf(),
        source: WriteError::Changed { path: path.to_path_buf() },
    };
    match (written, read) {
        (Err(AddError::Tree { path, source }), _) if !matches!(source, WriteError::Write(_)) => {
            Err(AddError::Tree { path, source })
        }
        (_, Err(AddError::HashMismatch { .. } | AddError::SizeMismatch { .. })) => Err(changed()),
        (Ok(()), Err(AddError::Nar { source: NarError::Malformed { .. }, .. })) => Err(changed()),
        (written, read) => read.and(written),
    }
}

#[cfg(test)]
mod tests;
