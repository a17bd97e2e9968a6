//! The database of valid paths, in the schema (version 10) that CppNix uses.
//!
//! Paths are stored as logical absolute texts. Every change is one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior};
use rustc_hash::FxHashMap;

use crate::content_address::ContentAddress;
use crate::error::StoreError;
use crate::hash::{Hash, HashAlgorithm, HashFormat, encode_hex};
use crate::path::{StoreDirectory, StorePath};
use crate::path_info::PathInfo;

/// The version of the schema.
pub(crate) const SCHEMA_VERSION: u32 = 10;

/// How long to wait for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_mins(10);

/// How many pages the write-ahead log may have before it is folded into the database.
const WAL_PAGES: u32 = 40_000;

const SCHEMA: &str = "
create table ValidPaths (
    id integer primary key autoincrement not null,
    path text unique not null,
    hash text not null,
    registrationTime integer not null,
    deriver text,
    narSize integer,
    ultimate integer,
    sigs text,
    ca text
);
create table Refs (
    referrer integer not null,
    reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index IndexReferrer on Refs(referrer);
create index IndexReference on Refs(reference);
create trigger DeleteSelfRefs before delete on ValidPaths
begin
    delete from Refs where referrer = old.id and reference = old.id;
end;
create table DerivationOutputs (
    drv integer not null,
    id text not null,
    path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index IndexDerivationOutputs on DerivationOutputs(path);
";

/// Where outputs are that only a build can tell, by the hash of their derivation modulo fixed
/// outputs: CppNix's own tables, which it makes when the feature is on.
const REALISATIONS: &str = "
create table if not exists Realisations (
    id integer primary key autoincrement not null,
    drvPath text not null,
    outputName text not null,
    outputPath integer not null,
    signatures text,
    foreign key (outputPath) references ValidPaths(id) on delete cascade
);
create index if not exists IndexRealisations on Realisations(drvPath, outputName);
create index if not exists IndexRealisationsRefsOnOutputPath on Realisations(outputPath);
";

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    file: PathBuf,
    directory: StoreDirectory,
}

/// How to open a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// To read and write, with a write-ahead log if so wished.
    Write {
        /// Whether to use one.
        wal: bool,
        /// Whether to make a database that is not there.
        create: bool,
    },
    /// To read only, while others may write.
    Read,
    /// To read only, from a directory in which not even a lock can be put.
    Immutable,
}

impl Database {
    /// Opens the database `file` of the store in `directory`.
    pub(crate) fn open(
        file: &Path,
        directory: &StoreDirectory,
        access: Access,
    ) -> Result<Database, StoreError> {
        let error =
            |problem| StoreError::Database { action: "open", path: file.to_path_buf(), problem };
        let base = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match access {
            Access::Write { create, .. } => {
                let mut flags = base | OpenFlags::SQLITE_OPEN_READ_WRITE;
                flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
                Connection::open_with_flags(file, flags)
            }
            Access::Read => {
                Connection::open_with_flags(file, base | OpenFlags::SQLITE_OPEN_READ_ONLY)
            }
            Access::Immutable => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                Connection::open_with_flags(immutable_uri(file), base | flags)
            }
        };
        let connection = connection.map_err(error)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(error)?;
        let (file, directory) = (file.to_path_buf(), directory.clone());
        let database = Database { connection, file, directory };
        if !matches!(access, Access::Write { create: true, .. }) {
            // Before anything is written to it.
            database.check_tables()?;
        }
        configure(&database.connection, access).map_err(database.error("open"))?;
        Ok(database)
    }

    /// Checks that the tables are there.
    fn check_tables(&self) -> Result<(), StoreError> {
        for table in ["ValidPaths", "Refs", "DerivationOutputs"] {
            let exists = self.connection.table_exists(None, table).map_err(self.error("open"))?;
            if !exists {
                return Err(self.corrupt(format!("it has no table '{table}'")));
            }
        }
        Ok(())
    }

    /// Creates the tables in an empty database; one that has them is left alone.
    pub(crate) fn create(&mut self) -> Result<(), StoreError> {
        self.write("initialise", |transaction| {
            let exists = transaction.raw.table_exists(None, "ValidPaths")?;
            if !exists {
                transaction.raw.execute_batch(SCHEMA)?;
            }
            Ok(())
        })
    }

    fn error(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        let path = self.file.clone();
        move |problem| StoreError::Database { action, path: path.clone(), problem }
    }

    fn corrupt(&self, problem: String) -> StoreError {
        StoreError::Corrupt { path: self.file.clone(), problem }
    }

    /// Runs `change` as one transaction, undone if it fails.
    fn write<T>(
        &mut self,
        action: &'static str,
        change: impl FnOnce(&mut Change<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let error = self.error(action);
        let raw = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = Change { raw: raw.map_err(&error)?, directory: &self.directory };
        let value = change(&mut transaction).map_err(&error)?;
        transaction.raw.commit().map_err(&error)?;
        Ok(value)
    }

    fn path(&self, text: &str) -> Result<StorePath, StoreError> {
        self.directory.parse(text).map_err(|error| self.corrupt(error.to_string()))
    }

    fn paths(&self, sql: &str, parameter: &[&str]) -> Result<BTreeSet<StorePath>, StoreError> {
        let error = self.error("query");
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let mut rows = statement.query(rusqlite::params_from_iter(parameter)).map_err(&error)?;
        let mut paths = BTreeSet::new();
        while let Some(row) = rows.next().map_err(&error)? {
            paths.insert(self.path(&row.get::<_, String>(0).map_err(&error)?)?);
        }
        Ok(paths)
    }

    pub(crate) fn is_valid(&self, path: &StorePath) -> Result<bool, StoreError> {
        let sql = "select 1 from ValidPaths where path = ?";
        let error = self.error("query");
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        statement.exists([self.directory.display(path)]).map_err(&error)
    }

    pub(crate) fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError> {
        let error = self.error("query");
        let sql = "select id, hash, registrationTime, deriver, narSize, ultimate, sigs, ca \
                   from ValidPaths where path = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let record = statement
            .query_row([self.directory.display(path)], Record::read)
            .optional()
            .map_err(&error)?;
        let Some(record) = record else { return Ok(None) };
        let sql = "select path from Refs join ValidPaths on reference = ValidPaths.id \
                   where referrer = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let mut rows = statement.query([record.id]).map_err(&error)?;
        let mut references = BTreeSet::new();
        while let Some(row) = rows.next().map_err(&error)? {
            references.insert(self.path(&row.get::<_, String>(0).map_err(&error)?)?);
        }
        self.info(path, record, references).map(Some)
    }

    fn info(
        &self,
        path: &StorePath,
        record: Record,
        references: BTreeSet<StorePath>,
    ) -> Result<PathInfo, StoreError> {
        let invalid = |problem: &dyn std::fmt::Display| {
            self.corrupt(format!("in the record of '{path}': {problem}"))
        };
        let nar_hash = Hash::parse(&record.hash, None).map_err(|error| invalid(&error))?;
        if nar_hash.algorithm() != HashAlgorithm::Sha256 {
            return Err(invalid(&"the hash is not SHA-256"));
        }
        let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let deriver = present(&record.deriver).map(|text| self.path(&text)).transpose()?;
        let content_address = present(&record.content_address)
            .map(|text| ContentAddress::parse(&text))
            .transpose()
            .map_err(|error| invalid(&error))?;
        let signatures = record.signatures.unwrap_or_default();
        Ok(PathInfo {
            path: path.clone(),
            deriver,
            nar_hash,
            nar_size: record.nar_size.unwrap_or(0).max(0) as u64,
            references,
            registration_time: record.registration_time,
            ultimate: record.ultimate == Some(1),
            signatures: signatures.split_whitespace().map(str::to_owned).collect(),
            content_address,
        })
    }

    /// Returns every valid path with its references.
    pub(crate) fn all_references(
        &self,
    ) -> Result<BTreeMap<StorePath, BTreeSet<StorePath>>, StoreError> {
        let error = self.error("query");
        let mut by_id: FxHashMap<i64, StorePath> = FxHashMap::default();
        let mut references = BTreeMap::new();
        let sql = "select id, path from ValidPaths";
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let mut rows = statement.query([]).map_err(&error)?;
        while let Some(row) = rows.next().map_err(&error)? {
            let path = self.path(&row.get::<_, String>(1).map_err(&error)?)?;
            references.insert(path.clone(), BTreeSet::new());
            by_id.insert(row.get(0).map_err(&error)?, path);
        }
        let sql = "select referrer, reference from Refs";
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let mut rows = statement.query([]).map_err(&error)?;
        while let Some(row) = rows.next().map_err(&error)? {
            let referrer = by_id.get(&row.get(0).map_err(&error)?);
            let reference = by_id.get(&row.get(1).map_err(&error)?);
            if let (Some(referrer), Some(reference)) = (referrer, reference) {
                references.entry(referrer.clone()).or_default().insert(reference.clone());
            }
        }
        Ok(references)
    }

    pub(crate) fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError> {
        self.paths("select path from ValidPaths", &[])
    }

    pub(crate) fn path_from_hash_part(
        &self,
        hash_part: &str,
    ) -> Result<Option<StorePath>, StoreError> {
        let error = self.error("query");
        let prefix = format!("{}/{hash_part}", self.directory);
        let sql = "select path from ValidPaths where path >= ? order by path limit 1";
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let path: Option<String> =
            statement.query_row([&prefix], |row| row.get(0)).optional().map_err(&error)?;
        match path {
            Some(path) if path.starts_with(&prefix) => self.path(&path).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        let sql = "select path from Refs join ValidPaths on referrer = ValidPaths.id \
                   where reference = (select id from ValidPaths where path = ?)";
        self.paths(sql, &[&self.directory.display(path)])
    }

    pub(crate) fn valid_derivers(
        &self,
        path: &StorePath,
    ) -> Result<BTreeSet<StorePath>, StoreError> {
        let sql = "select v.path from DerivationOutputs d join ValidPaths v on d.drv = v.id \
                   where d.path = ?";
        self.paths(sql, &[&self.directory.display(path)])
    }

    /// Returns the outputs recorded for a derivation.
    pub(crate) fn derivation_outputs(
        &self,
        path: &StorePath,
    ) -> Result<BTreeMap<String, StorePath>, StoreError> {
        let error = self.error("query");
        let sql = "select d.id, d.path from DerivationOutputs d \
                   join ValidPaths v on d.drv = v.id where v.path = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let mut rows = statement.query([self.directory.display(path)]).map_err(&error)?;
        let mut outputs = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&error)? {
            let name: String = row.get(0).map_err(&error)?;
            outputs.insert(name, self.path(&row.get::<_, String>(1).map_err(&error)?)?);
        }
        Ok(outputs)
    }

    /// Returns where the output of a derivation with this hash is, if a build has told.
    pub(crate) fn realisation(
        &self,
        digest: &Hash,
        output: &str,
    ) -> Result<Option<StorePath>, StoreError> {
        let error = self.error("query");
        if !self.connection.table_exists(None, "Realisations").map_err(&error)? {
            return Ok(None);
        }
        let sql = "select v.path from Realisations r join ValidPaths v on r.outputPath = v.id \
                   where r.drvPath = ? and r.outputName = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(&error)?;
        let key = digest.prefixed(HashFormat::Base16);
        let path: Option<String> =
            statement.query_row((key, output), |row| row.get(0)).optional().map_err(&error)?;
        path.map(|path| self.path(&path)).transpose()
    }

    /// Remembers where outputs are, all or none, in place of what was known of them.
    pub(crate) fn register_realisations(
        &mut self,
        outputs: &[(Hash, &str, &StorePath)],
    ) -> Result<(), StoreError> {
        self.write("register outputs in", |change| {
            change.raw.execute_batch(REALISATIONS)?;
            for (digest, name, path) in outputs {
                let (key, id) = (digest.prefixed(HashFormat::Base16), change.id(path)?);
                let sql = "delete from Realisations where drvPath = ? and outputName = ?";
                change.raw.execute(sql, (&key, name))?;
                let sql = "insert into Realisations (drvPath, outputName, outputPath) \
                           values (?, ?, ?)";
                change.raw.execute(sql, (&key, name, id))?;
            }
            Ok(())
        })
    }

    /// Registers `entries`, all or none; what is registered already gets the new record.
    pub(crate) fn register(&mut self, entries: &[Entry<'_>]) -> Result<(), StoreError> {
        self.write("register paths in", |change| {
            for entry in entries {
                change.put(entry)?;
            }
            // References last: they may be to each other.
            for entry in entries {
                change.put_references(entry.info)?;
            }
            Ok(())
        })
    }

    /// Makes `paths` invalid, all or none; each must come before what it refers to.
    pub(crate) fn invalidate<'p>(
        &mut self,
        paths: impl IntoIterator<Item = &'p StorePath>,
    ) -> Result<(), StoreError> {
        self.write("invalidate paths in", |change| {
            let sql = "delete from ValidPaths where path = ?";
            let mut statement = change.raw.prepare_cached(sql)?;
            for path in paths {
                statement.execute([change.directory.display(path)])?;
            }
            Ok(())
        })
    }

    /// Checks the file's own structure; what SQLite finds wrong is an error.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let answer: String = self
            .connection
            .query_row("pragma quick_check", [], |row| row.get(0))
            .map_err(self.error("check"))?;
        if answer == "ok" { Ok(()) } else { Err(self.corrupt(answer)) }
    }
}

/// An object to register, with the outputs it has if it is a derivation.
pub(crate) struct Entry<'e> {
    pub(crate) info: &'e PathInfo,
    pub(crate) outputs: Vec<(String, StorePath)>,
}

struct Change<'c> {
    raw: Transaction<'c>,
    directory: &'c StoreDirectory,
}

impl Change<'_> {
    fn put(&mut self, entry: &Entry<'_>) -> rusqlite::Result<()> {
        let info = entry.info;
        let sql = "insert into ValidPaths \
                   (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca) \
                   values (?, ?, ?, ?, ?, ?, ?, ?) \
                   on conflict(path) do update set hash = excluded.hash, \
                   narSize = excluded.narSize, ultimate = excluded.ultimate, \
                   sigs = excluded.sigs, ca = excluded.ca";
        let signatures: Vec<&str> = info.signatures.iter().map(String::as_str).collect();
        self.raw.prepare_cached(sql)?.execute((
            self.directory.display(&info.path),
            info.nar_hash.prefixed(HashFormat::Base16),
            info.registration_time,
            info.deriver.as_ref().map(|deriver| self.directory.display(deriver)),
            (info.nar_size != 0).then_some(info.nar_size as i64),
            info.ultimate.then_some(1),
            (!signatures.is_empty()).then(|| signatures.join(" ")),
            info.content_address.map(|address| address.to_string()),
        ))?;
        if entry.outputs.is_empty() {
            return Ok(());
        }
        let sql = "insert or replace into DerivationOutputs (drv, id, path) \
                   select id, ?, ? from ValidPaths where path = ?";
        let drv = self.directory.display(&info.path);
        let mut statement = self.raw.prepare_cached(sql)?;
        for (name, path) in &entry.outputs {
            statement.execute((name, self.directory.display(path), &drv))?;
        }
        Ok(())
    }

    /// Fails on a reference that is not valid.
    fn put_references(&mut self, info: &PathInfo) -> rusqlite::Result<()> {
        let id = self.id(&info.path)?;
        let sql = "insert or replace into Refs (referrer, reference) values (?, ?)";
        let mut statement = self.raw.prepare_cached(sql)?;
        for reference in &info.references {
            statement.execute((id, self.id(reference)?))?;
        }
        Ok(())
    }

    fn id(&self, path: &StorePath) -> rusqlite::Result<i64> {
        let sql = "select id from ValidPaths where path = ?";
        let path = self.directory.display(path);
        self.raw.prepare_cached(sql)?.query_row([path], |row| row.get(0))
    }
}

struct Record {
    id: i64,
    hash: String,
    registration_time: i64,
    deriver: Option<String>,
    nar_size: Option<i64>,
    ultimate: Option<i64>,
    signatures: Option<String>,
    content_address: Option<String>,
}

impl Record {
    fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
        Ok(Record {
            id: row.get(0)?,
            hash: row.get(1)?,
            registration_time: row.get(2)?,
            deriver: row.get(3)?,
            nar_size: row.get(4)?,
            ultimate: row.get(5)?,
            signatures: row.get(6)?,
            content_address: row.get(7)?,
        })
    }
}

fn configure(connection: &Connection, access: Access) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "foreign_keys", true)?;
    if let Access::Write { wal, .. } = access {
        connection.pragma_update(None, "synchronous", "normal")?;
        let mode = if wal { "wal" } else { "truncate" };
        let current: String = connection.pragma_query_value(None, "journal_mode", |r| r.get(0))?;
        if current != mode {
            connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))?;
        }
        connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    }
    Ok(())
}

/// Returns the URI by which SQLite opens `file` without locks.
fn immutable_uri(file: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = "file:".to_owned();
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.extend(['%'].into_iter().chain(encode_hex(&[*byte]).chars())),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
