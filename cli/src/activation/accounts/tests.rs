//! The rules of merging accounts, one by one.

use super::{Declared, Files, Group, Home, Memory, Merged, User, merge};
use std::collections::{BTreeMap, BTreeSet};

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        group: "users".to_owned(),
        home: format!("/home/{name}"),
        shell: "/bin/sh".to_owned(),
        ..User::default()
    }
}

fn group(name: &str, gid: Option<u32>, members: &[&str]) -> Group {
    let members = members.iter().map(|&name| name.to_owned()).collect();
    Group { name: name.to_owned(), gid, members, automatic_gid: false }
}

fn declared(users: Vec<User>) -> Declared {
    let groups = vec![group("users", Some(100), &[]), group("wheel", Some(1), &["alice"])];
    Declared { mutable_users: true, users, groups }
}

fn merged(declared: &Declared, now: &Files) -> Merged {
    merge(declared, now, &mut |password| Ok(format!("hash({password})"))).expect("numbers are free")
}

#[test]
fn a_fresh_system_gets_what_is_declared() {
    let alice = User { create_home: true, home_mode: "0700".to_owned(), ..user("alice") };
    let result = merged(&declared(vec![alice]), &Files::default());
    assert_eq!(result.files.passwd, "alice:x:1000:100::/home/alice:/bin/sh\n");
    assert_eq!(result.files.group, "wheel:x:1:alice\nusers:x:100:\n");
    assert_eq!(result.files.shadow, "alice:!:1::::::\n");
    let home = Home { path: "/home/alice".to_owned(), owner: (1000, 100), mode: "0700".to_owned() };
    assert_eq!(result.homes, [home]);
}

#[test]
fn merging_again_changes_nothing() {
    let wanted = declared(vec![user("alice"), user("bob")]);
    let once = merged(&wanted, &Files::default()).files;
    assert_eq!(merged(&wanted, &once).files, once);
}

#[test]
fn what_a_person_added_stays_and_what_was_declared_goes() {
    let once = merged(&declared(vec![user("alice"), user("bob")]), &Files::default()).files;
    let mut now = once;
    now.passwd.push_str("carol:x:1500:100::/home/carol:/bin/sh\n");
    now.shadow.push_str("carol:secret:1::::::\n");
    now.group = now.group.replace("wheel:x:1:alice", "wheel:x:1:alice,bob,carol");
    let result = merged(&declared(vec![user("alice")]), &now).files;
    assert!(result.passwd.contains("carol:x:1500"), "{}", result.passwd);
    assert!(!result.passwd.contains("bob"), "{}", result.passwd);
    assert!(result.shadow.contains("carol:secret"), "{}", result.shadow);
    // Bob was declared, so his membership was too; carol's was not.
    assert!(result.group.contains("wheel:x:1:alice,carol\n"), "{}", result.group);
}

#[test]
fn immutable_users_are_those_declared() {
    let mut wanted = declared(vec![user("alice")]);
    wanted.mutable_users = false;
    let now = Files { passwd: "carol:x:1500:100:::\n".to_owned(), ..Files::default() };
    assert!(!merged(&wanted, &now).files.passwd.contains("carol"));
}

#[test]
fn numbers_are_kept_and_not_given_again() {
    let memory = Memory {
        uids: BTreeMap::from([("gone".to_owned(), 1000)]),
        users: BTreeSet::from(["gone".to_owned()]),
        ..Memory::default()
    };
    let now = Files { memory, ..Files::default() };
    let result = merged(&declared(vec![user("alice")]), &now);
    assert!(result.files.passwd.starts_with("alice:x:1001:"), "{}", result.files.passwd);
    let revived = merged(&declared(vec![user("gone")]), &now);
    assert!(revived.files.passwd.starts_with("gone:x:1000:"), "{}", revived.files.passwd);

    let moved = User { uid: Some(7), ..user("alice") };
    let result = merged(&declared(vec![moved]), &result.files);
    assert!(result.files.passwd.starts_with("alice:x:1001:"), "{}", result.files.passwd);
    assert_eq!(result.warnings, ["not changing the UID of user `alice` (1001 -> 7)"]);
}

#[test]
fn passwords_are_set_once_or_always() {
    let alice = User { initial_password: Some("a".to_owned()), ..user("alice") };
    let bob = User { hashed_password: Some("$6$x".to_owned()), ..user("bob") };
    let mut wanted = declared(vec![alice, bob]);
    let once = merged(&wanted, &Files::default()).files;
    assert_eq!(once.shadow, "alice:hash(a):1::::::\nbob:$6$x:1::::::\n");

    let mut changed = once;
    changed.shadow = changed.shadow.replace("hash(a)", "own").replace("$6$x", "own");
    assert_eq!(merged(&wanted, &changed).files.shadow, changed.shadow);
    wanted.mutable_users = false;
    let fixed = merged(&wanted, &changed).files.shadow;
    assert_eq!(fixed, "alice:!:1::::::\nbob:$6$x:1::::::\n");
}

#[test]
fn an_unknown_group_is_told() {
    let lost = User { group: "nowhere".to_owned(), ..user("lost") };
    let result = merged(&declared(vec![lost]), &Files::default());
    assert!(result.files.passwd.contains(":65534:"));
    assert_eq!(result.warnings, ["user `lost` has the unknown group `nowhere`"]);
}

#[test]
fn a_proposed_number_is_taken_only_if_it_is_free() {
    let proposed = |name: &str| User { uid: Some(1000), automatic_uid: true, ..user(name) };
    let result = merged(&declared(vec![proposed("alice"), proposed("bob")]), &Files::default());
    let expected = "alice:x:1000:100::/home/alice:/bin/sh\nbob:x:1001:100::/home/bob:/bin/sh\n";
    assert_eq!(result.files.passwd, expected);
    assert!(result.warnings.is_empty());
    let again = merged(&declared(vec![proposed("bob")]), &result.files);
    assert!(again.files.passwd.starts_with("bob:x:1001:"), "{}", again.files.passwd);
    assert!(again.warnings.is_empty());
}

#[test]
fn extra_groups_are_memberships() {
    let bob = User { extra_groups: vec!["wheel".to_owned()], ..user("bob") };
    let result = merged(&declared(vec![bob]), &Files::default());
    assert!(result.files.group.contains("wheel:x:1:alice,bob\n"), "{}", result.files.group);
}
