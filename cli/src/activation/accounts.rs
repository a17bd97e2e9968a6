//! Users and groups, merged into those that are there, as NixOS merges them.
//!
//! What is declared wins, except that an account keeps the number it has. What was declared once
//! and is no longer, goes; what a person added stays while users are mutable. Numbers of accounts
//! that went are remembered and not given to others. Source: NixOS, `update-users-groups.pl`.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The accounts that a system declares.
#[derive(Clone, Default, Debug)]
pub(crate) struct Declared {
    /// Whether accounts that the system does not declare may exist.
    pub(crate) mutable_users: bool,
    /// The users.
    pub(crate) users: Vec<User>,
    /// The groups.
    pub(crate) groups: Vec<Group>,
}

/// A declared user.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct User {
    /// The name.
    pub(crate) name: String,
    /// The number; none: a free one.
    pub(crate) uid: Option<u32>,
    /// Whether the number is only a proposal: nobody declared it.
    pub(crate) automatic_uid: bool,
    /// The name or number of the first group.
    pub(crate) group: String,
    /// Whether a free number is taken from the system's range.
    #[serde(rename = "isSystemUser")]
    pub(crate) is_system: bool,
    /// The full name.
    pub(crate) description: String,
    /// The home directory.
    pub(crate) home: String,
    /// Whether the home directory is made.
    pub(crate) create_home: bool,
    /// The permissions of the home directory, in octal.
    pub(crate) home_mode: String,
    /// The login shell.
    pub(crate) shell: String,
    /// The password, hashed.
    pub(crate) hashed_password: Option<String>,
    /// The password of an account that is new, hashed.
    pub(crate) initial_hashed_password: Option<String>,
    /// The password itself.
    pub(crate) password: Option<String>,
    /// The password itself of an account that is new.
    pub(crate) initial_password: Option<String>,
    /// A file with the password, hashed.
    pub(crate) hashed_password_file: Option<String>,
    /// Groups besides the first.
    pub(crate) extra_groups: Vec<String>,
}

/// A declared group.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Group {
    /// The name.
    pub(crate) name: String,
    /// The number; none: a free one.
    pub(crate) gid: Option<u32>,
    /// Whether the number is only a proposal: nobody declared it.
    pub(crate) automatic_gid: bool,
    /// The names of its members.
    pub(crate) members: Vec<String>,
}

/// The files that hold the accounts.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Files {
    /// `/etc/passwd`.
    pub(crate) passwd: String,
    /// `/etc/group`.
    pub(crate) group: String,
    /// `/etc/shadow`.
    pub(crate) shadow: String,
    /// What is remembered from one activation to the next.
    pub(crate) memory: Memory,
}

/// What is remembered between activations, in the files of `/var/lib/nixos`.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Memory {
    /// The numbers that users ever had.
    pub(crate) uids: BTreeMap<String, u32>,
    /// The numbers that groups ever had.
    pub(crate) gids: BTreeMap<String, u32>,
    /// The users declared last time.
    pub(crate) users: BTreeSet<String>,
    /// The groups declared last time.
    pub(crate) groups: BTreeSet<String>,
}

/// A home directory to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Home {
    /// Its absolute path, inside the system.
    pub(crate) path: String,
    /// Its owner and group.
    pub(crate) owner: (u32, u32),
    /// Its permissions, in octal.
    pub(crate) mode: String,
}

/// What a merge came to.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Merged {
    /// The files.
    pub(crate) files: Files,
    /// Home directories to make if they are missing.
    pub(crate) homes: Vec<Home>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// Merges the declared accounts into those that are there.
///
/// `hash` makes a password file's entry from a password.
///
/// # Errors
///
/// When there is no free number left.
pub(crate) fn merge(
    declared: &Declared,
    now: &Files,
    hash: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Merged, String> {
    let mut merged = Merged {
        files: Files { memory: now.memory.clone(), ..Files::default() },
        ..Merged::default()
    };
    let groups = merge_groups(declared, now, &mut merged)?;
    let users = merge_users(declared, now, &groups, &mut merged)?;
    merged.files.shadow = merge_shadow(declared, now, &users, hash)?;
    Ok(merged)
}

/// A line of `/etc/group`, in its parts.
#[derive(Clone, Debug)]
struct GroupLine {
    name: String,
    password: String,
    gid: u32,
    members: Vec<String>,
}

/// A line of `/etc/passwd`, in its parts.
#[derive(Clone, Debug)]
struct UserLine {
    name: String,
    password: String,
    uid: u32,
    gid: u32,
    description: String,
    home: String,
    shell: String,
}

fn group_lines(text: &str) -> BTreeMap<String, GroupLine> {
    let line = |line: &str| {
        let [name, password, gid, members] = fields(line)?;
        let members = members.split(',').filter(|member| !member.is_empty());
        Some(GroupLine {
            name: name.to_owned(),
            password: password.to_owned(),
            gid: gid.parse().ok()?,
            members: members.map(str::to_owned).collect(),
        })
    };
    text.lines().filter_map(line).map(|group| (group.name.clone(), group)).collect()
}

fn user_lines(text: &str) -> BTreeMap<String, UserLine> {
    let line = |line: &str| {
        let [name, password, uid, gid, description, home, shell] = fields(line)?;
        Some(UserLine {
            name: name.to_owned(),
            password: password.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            description: description.to_owned(),
            home: home.to_owned(),
            shell: shell.to_owned(),
        })
    };
    text.lines().filter_map(line).map(|user| (user.name.clone(), user)).collect()
}

/// Parts a line at its colons; none when it has another number of fields.
fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    let parts: Vec<&str> = line.split(':').collect();
    parts.try_into().ok()
}

/// Numbers that are taken, and those that were once.
struct Numbers<'m> {
    used: BTreeSet<u32>,
    remembered: &'m BTreeMap<String, u32>,
}

impl Numbers<'_> {
    /// Returns the number that `name` had, or the first free one of `range`.
    fn allocate(
        &mut self,
        name: &str,
        range: impl Iterator<Item = u32>,
        is_allowed: impl Fn(u32) -> bool,
    ) -> Result<u32, String> {
        if let Some(&before) = self.remembered.get(name)
            && is_allowed(before)
            && self.used.insert(before)
        {
            return Ok(before);
        }
        let once: BTreeSet<u32> = self.remembered.values().copied().collect();
        for number in range {
            if !once.contains(&number) && self.used.insert(number) {
                return Ok(number);
            }
        }
        Err(format!("no number is free for `{name}`"))
    }
}

fn merge_groups(
    declared: &Declared,
    now: &Files,
    merged: &mut Merged,
) -> Result<BTreeMap<String, GroupLine>, String> {
    let current = group_lines(&now.group);
    let mut numbers = Numbers {
        used: current.values().map(|group| group.gid).collect(),
        remembered: &now.memory.gids,
    };
    let fixed = declared.groups.iter().filter(|group| !group.automatic_gid);
    numbers.used.extend(fixed.filter_map(|group| group.gid));
    let mut out = BTreeMap::new();
    for group in &declared.groups {
        let existing = current.get(&group.name);
        let gid = match (existing, group.gid) {
            (Some(existing), wanted) => {
                let wanted = wanted.filter(|_| !group.automatic_gid);
                if let Some(wanted) = wanted.filter(|&wanted| wanted != existing.gid) {
                    let name = &group.name;
                    let old = existing.gid;
                    merged.warnings.push(format!(
                        "not changing the GID of group `{name}` ({old} -> {wanted})"
                    ));
                }
                existing.gid
            }
            (None, Some(gid)) if !group.automatic_gid => gid,
            (None, proposed) => {
                let range = proposed.into_iter().chain((400..=999).rev());
                numbers.allocate(&group.name, range, |_| true)?
            }
        };
        let mut members: BTreeSet<String> = group.members.iter().cloned().collect();
        let joining = declared.users.iter().filter(|user| user.extra_groups.contains(&group.name));
        members.extend(joining.map(|user| user.name.clone()));
        if let Some(existing) = existing.filter(|_| declared.mutable_users) {
            let added = existing.members.iter().filter(|name| !now.memory.users.contains(*name));
            members.extend(added.cloned());
        }
        let password = existing.map_or("x", |existing| existing.password.as_str()).to_owned();
        let members = members.into_iter().collect();
        merged.files.memory.gids.insert(group.name.clone(), gid);
        let line = GroupLine { name: group.name.clone(), password, gid, members };
        out.insert(group.name.clone(), line);
    }
    merged.files.memory.groups = out.keys().cloned().collect();
    for (name, group) in current {
        let stays = declared.mutable_users && !now.memory.groups.contains(&name);
        if stays {
            out.entry(name).or_insert(group);
        }
    }
    let mut lines: Vec<&GroupLine> = out.values().collect();
    lines.sort_by_key(|group| group.gid);
    for GroupLine { name, password, gid, members } in lines {
        let _ = writeln!(merged.files.group, "{name}:{password}:{gid}:{}", members.join(","));
    }
    Ok(out)
}

fn merge_users(
    declared: &Declared,
    now: &Files,
    groups: &BTreeMap<String, GroupLine>,
    merged: &mut Merged,
) -> Result<BTreeMap<String, UserLine>, String> {
    let current = user_lines(&now.passwd);
    let mut numbers = Numbers {
        used: current.values().map(|user| user.uid).collect(),
        remembered: &now.memory.uids,
    };
    let fixed = declared.users.iter().filter(|user| !user.automatic_uid);
    numbers.used.extend(fixed.filter_map(|user| user.uid));
    let mut out = BTreeMap::new();
    for user in &declared.users {
        let existing = current.get(&user.name);
        let uid = match existing {
            Some(existing) => {
                let wanted = user.uid.filter(|_| !user.automatic_uid);
                if let Some(wanted) = wanted.filter(|&wanted| wanted != existing.uid) {
                    let name = &user.name;
                    let old = existing.uid;
                    merged
                        .warnings
                        .push(format!("not changing the UID of user `{name}` ({old} -> {wanted})"));
                }
                existing.uid
            }
            None => new_uid(user, &mut numbers)?,
        };
        let gid = first_group(user, groups, merged);
        if user.create_home {
            merged.homes.push(Home {
                path: user.home.clone(),
                owner: (uid, gid),
                mode: user.home_mode.clone(),
            });
        }
        merged.files.memory.uids.insert(user.name.clone(), uid);
        let line = UserLine {
            name: user.name.clone(),
            password: existing.map_or("x", |existing| existing.password.as_str()).to_owned(),
            uid,
            gid,
            description: user.description.clone(),
            home: user.home.clone(),
            shell: user.shell.clone(),
        };
        out.insert(user.name.clone(), line);
    }
    merged.files.memory.users = out.keys().cloned().collect();
    for (name, user) in current {
        let stays = declared.mutable_users && !now.memory.users.contains(&name);
        if stays {
            out.entry(name).or_insert(user);
        }
    }
    let mut lines: Vec<&UserLine> = out.values().collect();
    lines.sort_by_key(|user| user.uid);
    for UserLine { name, password, uid, gid, description, home, shell } in lines {
        let passwd = &mut merged.files.passwd;
        let _ = writeln!(passwd, "{name}:{password}:{uid}:{gid}:{description}:{home}:{shell}");
    }
    Ok(out)
}

fn new_uid(user: &User, numbers: &mut Numbers<'_>) -> Result<u32, String> {
    let proposed = match user.uid {
        Some(uid) if !user.automatic_uid => return Ok(uid),
        proposed => proposed.into_iter(),
    };
    if user.is_system {
        let is_allowed = |uid| (400..=999).contains(&uid);
        numbers.allocate(&user.name, proposed.chain((400..=999).rev()), is_allowed)
    } else {
        let is_allowed = |uid| (1000..=29_999).contains(&uid);
        numbers.allocate(&user.name, proposed.chain(1000..=29_999), is_allowed)
    }
}

/// Returns the number of a user's first group; one that is not there is `nogroup`.
fn first_group(user: &User, groups: &BTreeMap<String, GroupLine>, merged: &mut Merged) -> u32 {
    if let Ok(gid) = user.group.parse() {
        return gid;
    }
    match groups.get(&user.group) {
        Some(group) => group.gid,
        None => {
            let (name, group) = (&user.name, &user.group);
            merged.warnings.push(format!("user `{name}` has the unknown group `{group}`"));
            65534
        }
    }
}

fn merge_shadow(
    declared: &Declared,
    now: &Files,
    users: &BTreeMap<String, UserLine>,
    hash: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut passwords = BTreeMap::new();
    let current = user_lines(&now.passwd);
    for user in &declared.users {
        let is_new = !current.contains_key(&user.name);
        let fixed = match (&user.password, &user.hashed_password) {
            (Some(password), _) => Some(hash(password)?),
            (None, hashed) => hashed.clone(),
        };
        let initial = match (&user.initial_password, &user.initial_hashed_password) {
            _ if !is_new || fixed.is_some() => None,
            (Some(password), _) => Some(hash(password)?),
            (None, hashed) => hashed.clone(),
        };
        if let Some(password) = fixed.or(initial) {
            passwords.insert(user.name.as_str(), password);
        }
    }
    let mut shadow = String::new();
    let mut seen = BTreeSet::new();
    for line in now.shadow.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let (password, rest) = rest.split_once(':').unwrap_or((rest, "1::::::"));
        if !users.contains_key(name) {
            continue;
        }
        let password = match passwords.get(name) {
            _ if declared.mutable_users => password,
            Some(fixed) => fixed,
            None => "!",
        };
        let _ = writeln!(shadow, "{name}:{password}:{rest}");
        seen.insert(name);
    }
    for name in users.keys().filter(|name| !seen.contains(name.as_str())) {
        let password = passwords.get(name.as_str()).map_or("!", String::as_str);
        let _ = writeln!(shadow, "{name}:{password}:1::::::");
    }
    Ok(shadow)
}

#[cfg(test)]
mod tests;
