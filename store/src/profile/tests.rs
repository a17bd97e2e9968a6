//! Generations: made, switched, rolled back and deleted as `nix-env` does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Profile, Selection};
use crate::error::ProfileError;
use crate::local::{LocalSettings, LocalStore};
use crate::path::StorePath;
use crate::store::Store;

struct Scratch {
    _directory: tempfile::TempDir,
    store: LocalStore,
    profile: Profile,
}

fn scratch() -> Scratch {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::open(LocalSettings::below(directory.path())).unwrap();
    let profile = Profile::new(store.settings().state_directory.join("profiles/p")).unwrap();
    Scratch { _directory: directory, store, profile }
}

impl Scratch {
    fn text(&self, contents: &str) -> StorePath {
        self.store.add_text("x", contents.as_bytes(), &BTreeSet::new()).unwrap()
    }

    fn numbers(&self) -> Vec<u64> {
        self.profile.generations().unwrap().iter().map(|generation| generation.number).collect()
    }

    fn select(&self, words: &str) -> Result<Vec<u64>, ProfileError> {
        self.profile.select(&Selection::parse(words.split(' '))?, SystemTime::now())
    }
}

#[test]
fn setting_makes_generations_and_rolling_back_goes_through_them() {
    let scratch = scratch();
    let Scratch { store, profile, .. } = &scratch;
    assert_eq!(profile.current().unwrap(), None);
    assert!(matches!(profile.roll_back(), Err(ProfileError::NoCurrent { .. })));
    for (contents, number) in [("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
        assert_eq!(profile.set(store, &scratch.text(contents)).unwrap().number, number);
    }
    assert_eq!(fs::read_link(profile.link()).unwrap(), Path::new("p-3-link"));
    assert_eq!(
        fs::read_link(profile.generation_link(2)).unwrap(),
        store.directory().join(&scratch.text("b"))
    );
    assert_eq!(profile.roll_back().unwrap().number, 2);
    assert_eq!(profile.roll_back().unwrap().number, 1);
    assert!(matches!(profile.roll_back(), Err(ProfileError::NothingOlder { .. })));
    assert_eq!(profile.current().unwrap(), Some(1));
    assert!(matches!(profile.switch(9), Err(ProfileError::NoGeneration { .. })));
    // What generations point to stays, whichever is the current one.
    let roots: Vec<StorePath> = store.roots().unwrap().into_keys().collect();
    assert!(roots.contains(&scratch.text("b")));
}

#[test]
fn selections_spare_the_current_generation() {
    let scratch = scratch();
    for number in 1..=6 {
        scratch.profile.set(&scratch.store, &scratch.text(&number.to_string())).unwrap();
    }
    scratch.profile.switch(5).unwrap();
    assert_eq!(scratch.select("old").unwrap(), [1, 2, 3, 4, 6]);
    assert_eq!(scratch.select("+2").unwrap(), [1, 2, 3]);
    assert_eq!(scratch.select("+1").unwrap(), [1, 2, 3, 4]);
    assert_eq!(scratch.select("2 3").unwrap(), [2, 3]);
    assert_eq!(scratch.select("1d").unwrap(), Vec::<u64>::new());
    assert!(matches!(scratch.select("5"), Err(ProfileError::DeleteCurrent { .. })));
    assert!(matches!(scratch.select("9"), Err(ProfileError::NoGeneration { .. })));
    for word in ["", "+0", "d", "-1", "x", "old 1", "1 2d"] {
        assert!(matches!(scratch.select(word), Err(ProfileError::Specification { .. })), "{word}");
    }
    for number in scratch.select("+2").unwrap() {
        scratch.profile.delete_generation(number).unwrap();
    }
    assert_eq!(scratch.numbers(), [4, 5, 6]);
}

#[test]
fn the_generation_active_at_the_time_asked_for_stays() {
    let scratch = scratch();
    let now = SystemTime::now();
    for (number, days) in [(1u32, 40u64), (2, 35), (3, 10), (4, 1)] {
        let generation =
            scratch.profile.set(&scratch.store, &scratch.text(&number.to_string())).unwrap();
        let time = nix::sys::time::TimeSpec::from_duration(
            (now - Duration::from_hours(24 * days)).duration_since(SystemTime::UNIX_EPOCH).unwrap(),
        );
        let directory = File::open(generation.link.parent().unwrap()).unwrap();
        let follow = nix::sys::stat::UtimensatFlags::NoFollowSymlink;
        nix::sys::stat::utimensat(&directory, &generation.link, &time, &time, follow).unwrap();
    }
    // Thirty days ago generation 2 was the current one.
    assert_eq!(scratch.select("30d").unwrap(), [1]);
    assert_eq!(scratch.select("5d").unwrap(), [1, 2]);
}
