//! The plan of an activation: everything that a system changes below the root of its machine.

use super::accounts::{self, Declared, Files, Memory, Merged};
use super::etc::{self, Copy, Etc};
use super::files::{Node, Transaction};
use super::machine::{Machine, System};
use super::menu::Menu;
use super::password;
use super::record::{EtcCopy, Record};
use crate::report::{Failure, Outcome};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::profile::Generation;

/// Directories that every system has, with their permissions.
const DIRECTORIES: [(&str, u32); 14] = [
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("var", 0o755),
    ("var/empty", 0o555),
    ("var/lib", 0o755),
    ("var/log", 0o755),
];

/// Files with what is remembered about accounts.
const UIDS: &str = "var/lib/nixos/uid-map";
const GIDS: &str = "var/lib/nixos/gid-map";
const USERS: &str = "var/lib/nixos/declarative-users";
const GROUPS: &str = "var/lib/nixos/declarative-groups";

/// What an activation will change.
pub(crate) struct Plan {
    /// The changes.
    pub(crate) transaction: Transaction,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// Plans that `system` is the active one, as generation `active` of `generations`.
///
/// # Errors
///
/// When the system makes no sense, or a place cannot be changed. Nothing is changed yet.
pub(crate) fn plan(
    machine: &Machine,
    system: &System,
    record: &Record,
    generations: &[Generation],
    active: u64,
) -> Outcome<Plan> {
    let mut transaction = Transaction::new(&machine.root);
    for (path, mode) in DIRECTORIES {
        if !machine.root.join(path).exists() {
            let node = Node::Directory { mode, owner: machine.owner((0, 0)) };
            transaction.set(path, node).map_err(Failure::new)?;
        }
    }
    if !machine.root.join("etc/NIXOS").exists() {
        transaction.set("etc/NIXOS", machine_file(machine, String::new())).map_err(Failure::new)?;
    }
    let merged = merge_accounts(machine, record)?;
    plan_etc(machine, system, record, &merged.files, &mut transaction)?;
    plan_accounts(machine, &merged, &mut transaction)?;

    let mut menu = Menu::collect(machine, generations);
    menu.plan(&mut transaction, &record.boot, active).map_err(Failure::new)?;
    let link = if machine.is_host {
        system.name.clone()
    } else {
        let below = system.name.strip_prefix("/").unwrap_or(&system.name);
        Path::new("..").join(below)
    };
    transaction.set("run/current-system", Node::Link(link)).map_err(Failure::new)?;

    let mut warnings = merged.warnings;
    warnings.append(&mut menu.warnings);
    warn_of_kernel(machine, record, &mut warnings);
    Ok(Plan { transaction, warnings })
}

fn machine_file(machine: &Machine, text: String) -> Node {
    Node::File { content: text.into_bytes(), mode: 0o644, owner: machine.owner((0, 0)) }
}

/// Warns when what the boot menu starts is not there.
fn warn_of_kernel(machine: &Machine, record: &Record, warnings: &mut Vec<String>) {
    if !matches!(record.boot.loader.as_str(), "grub" | "systemd-boot") {
        return;
    }
    for path in std::iter::once(&record.boot.kernel).chain(&record.boot.initrd) {
        if machine.resolve(Path::new(path)).is_err() {
            let place = machine.root.display();
            warnings.push(format!("the boot menu starts `{path}`, which is not in `{place}`"));
        }
    }
}

fn plan_etc(
    machine: &Machine,
    system: &System,
    record: &Record,
    files: &Files,
    transaction: &mut Transaction,
) -> Outcome {
    let link = system.name.join("etc");
    let doing = Failure::during(format!("following `{}`", link.display()));
    let real = machine.resolve(&link).map_err(doing)?;
    let object = Path::new("/").join(real.strip_prefix(&machine.root).unwrap_or(&real));
    let ids = Ids::of(files);
    let mut copies = BTreeMap::new();
    for copy in &record.etc_copies {
        copies.insert(copy.path.clone(), ids.copy(machine, copy)?);
    }
    let store_directory = PathBuf::from(machine.store.directory().as_str());
    let etc = Etc { object: &object, store_directory: &store_directory, copies: &copies };
    etc::plan(transaction, &etc).map_err(Failure::new)
}

/// Numbers of accounts by name.
struct Ids {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

impl Ids {
    fn of(files: &Files) -> Self {
        let numbers = |text: &str| {
            let number = |line: &str| {
                let mut fields = line.split(':');
                Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
            };
            text.lines().filter_map(number).collect()
        };
        Self { users: numbers(&files.passwd), groups: numbers(&files.group) }
    }

    fn copy(&self, machine: &Machine, copy: &EtcCopy) -> Outcome<Copy> {
        let path = copy.path.display();
        let find = |known: &BTreeMap<String, u32>, kind: &str, name: &str| {
            let number = match name.strip_prefix('+') {
                Some(number) => number.parse().ok(),
                None => known.get(name).copied(),
            };
            number.ok_or_else(|| {
                Failure::new(format!("`/etc/{path}` shall belong to the unknown {kind} `{name}`"))
            })
        };
        let mode = u32::from_str_radix(&copy.mode, 8)
            .map_err(Failure::during(format!("the mode `{}` of `/etc/{path}`", copy.mode)))?;
        let owner =
            (find(&self.users, "user", &copy.user)?, find(&self.groups, "group", &copy.group)?);
        Ok(Copy { mode, owner: machine.owner(owner) })
    }
}

/// Merges the declared accounts into those of the machine.
fn merge_accounts(machine: &Machine, record: &Record) -> Outcome<Merged> {
    let mut declared = Declared {
        mutable_users: record.mutable_users,
        users: record.users.clone(),
        groups: record.groups.clone(),
    };
    let mut unread = Vec::new();
    for user in &mut declared.users {
        let Some(file) = user.hashed_password_file.take() else { continue };
        let text = machine.resolve(Path::new(&file)).and_then(std::fs::read_to_string);
        match text {
            Ok(text) => user.hashed_password = Some(text.trim_end_matches('\n').to_owned()),
            Err(error) => {
                let name = &user.name;
                unread.push(format!("the password file `{file}` of user `{name}`: {error}"));
            }
        }
    }
    let now = read_accounts(machine)?;
    let mut merged =
        accounts::merge(&declared, &now, &mut |text| password::hash(text)).map_err(Failure::new)?;
    merged.warnings.extend(unread);
    Ok(merged)
}

fn read_accounts(machine: &Machine) -> Outcome<Files> {
    let read = |path: &str| {
        let place = machine.root.join(path);
        match std::fs::read_to_string(&place) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(Failure::new(format!("reading `{}`: {error}", place.display()))),
        }
    };
    let numbers = |path: &str| -> Outcome<BTreeMap<String, u32>> {
        match read(path)? {
            text if text.trim().is_empty() => Ok(BTreeMap::new()),
            text => {
                serde_json::from_str(&text).map_err(Failure::during(format!("reading `{path}`")))
            }
        }
    };
    let names = |path: &str| -> Outcome<_> {
        Ok(read(path)?.split_whitespace().map(str::to_owned).collect())
    };
    Ok(Files {
        passwd: read("etc/passwd")?,
        group: read("etc/group")?,
        shadow: read("etc/shadow")?,
        memory: Memory {
            uids: numbers(UIDS)?,
            gids: numbers(GIDS)?,
            users: names(USERS)?,
            groups: names(GROUPS)?,
        },
    })
}

fn plan_accounts(machine: &Machine, merged: &Merged, transaction: &mut Transaction) -> Outcome {
    let files = &merged.files;
    let shadow_group = Ids::of(files).groups.get("shadow").copied().unwrap_or(0);
    let shadow = Node::File {
        content: files.shadow.clone().into_bytes(),
        mode: 0o640,
        owner: machine.owner((0, shadow_group)),
    };
    let joined = |names: &std::collections::BTreeSet<String>| {
        names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let json = |numbers: &BTreeMap<String, u32>| {
        serde_json::to_string(numbers).map_err(Failure::during("writing numbers of accounts"))
    };
    let memory = &files.memory;
    let nodes = [
        ("etc/group", machine_file(machine, files.group.clone())),
        ("etc/passwd", machine_file(machine, files.passwd.clone())),
        ("etc/shadow", shadow),
        (UIDS, machine_file(machine, json(&memory.uids)?)),
        (GIDS, machine_file(machine, json(&memory.gids)?)),
        (USERS, machine_file(machine, joined(&memory.users))),
        (GROUPS, machine_file(machine, joined(&memory.groups))),
    ];
    for (path, node) in nodes {
        transaction.set(path, node).map_err(Failure::new)?;
    }
    for home in &merged.homes {
        let path = home.path.trim_start_matches('/');
        if machine.root.join(path).exists() {
            continue;
        }
        let mode = u32::from_str_radix(&home.mode, 8)
            .map_err(Failure::during(format!("the mode `{}` of `{}`", home.mode, home.path)))?;
        let node = Node::Directory { mode, owner: machine.owner(home.owner) };
        transaction.set(path, node).map_err(Failure::new)?;
    }
    Ok(())
}
