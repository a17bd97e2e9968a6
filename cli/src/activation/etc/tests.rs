//! `/etc` below a staging root, from one system to the next.

use super::{Copy, Etc, plan};
use crate::activation::files::Transaction;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

struct Stage {
    root: tempfile::TempDir,
    copies: BTreeMap<PathBuf, Copy>,
}

impl Stage {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        Self { root, copies: BTreeMap::new() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, text).expect("a file");
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        symlink(target, path).expect("a link");
    }

    fn activate(&self, object: &str) -> Result<usize, String> {
        let mut transaction = Transaction::new(self.root.path());
        let etc = Etc {
            object: Path::new(object),
            store_directory: Path::new("/nix/store"),
            copies: &self.copies,
        };
        plan(&mut transaction, &etc).map_err(|error| error.to_string())?;
        let count = transaction.changes().len();
        transaction.apply().map_err(|error| error.to_string())?;
        Ok(count)
    }

    fn copy(&mut self, path: &str, mode: u32) {
        let root = self.root.path().metadata().expect("a stage");
        self.copies.insert(path.into(), Copy { mode, owner: Some((root.uid(), root.gid())) });
    }

    fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok()
    }

    fn target(&self, path: &str) -> Option<PathBuf> {
        std::fs::read_link(self.path(path)).ok()
    }
}

#[test]
fn texts_are_read_from_outside_through_relative_links() {
    let stage = Stage::new();
    stage.write("/nix/store/a-etc/etc/hostname", "demo\n");
    stage.write("/nix/store/a-etc/etc/nginx/nginx.conf", "events {}\n");
    stage.activate("/nix/store/a-etc/etc").expect("a good object");
    assert_eq!(stage.text("/etc/hostname").as_deref(), Some("demo\n"));
    assert_eq!(stage.target("/etc/hostname").as_deref(), Some(Path::new("static/hostname")));
    let nginx = stage.target("/etc/nginx/nginx.conf");
    assert_eq!(nginx.as_deref(), Some(Path::new("../static/nginx/nginx.conf")));
    assert_eq!(stage.text("/etc/nginx/nginx.conf").as_deref(), Some("events {}\n"));
    assert_eq!(stage.activate("/nix/store/a-etc/etc"), Ok(0));
}

#[test]
fn links_into_the_store_stay_below_the_root() {
    let stage = Stage::new();
    stage.write("/nix/store/u-units/nginx.service", "[Unit]\n");
    stage.link("/nix/store/v-all/nginx.service", "/nix/store/u-units/nginx.service");
    stage.link("/nix/store/a-etc/etc/systemd/system", "/nix/store/u-units");
    stage.link("/nix/store/a-etc/etc/unit", "/nix/store/v-all/nginx.service");
    stage.link("/nix/store/a-etc/etc/masked", "/dev/null");
    stage.link("/nix/store/a-etc/etc/zone/time", "/usr/share/zone");
    stage.activate("/nix/store/a-etc/etc").expect("a good object");
    assert_eq!(stage.text("/etc/systemd/system/nginx.service").as_deref(), Some("[Unit]\n"));
    assert_eq!(stage.text("/etc/unit").as_deref(), Some("[Unit]\n"));
    let zone = stage.target("/etc/zone/time");
    assert_eq!(zone.as_deref(), Some(Path::new("../../usr/share/zone")));
    assert_eq!(stage.target("/etc/masked").as_deref(), Some(Path::new("/dev/null")));
}

#[test]
fn the_next_system_removes_what_it_does_not_have() {
    let mut stage = Stage::new();
    stage.write("/nix/store/a-etc/etc/old/file", "a");
    stage.write("/nix/store/a-etc/etc/both", "a");
    stage.write("/nix/store/a-etc/etc/copied", "a");
    stage.copy("copied", 0o600);
    stage.write("/nix/store/b-etc/etc/both", "b");
    stage.activate("/nix/store/a-etc/etc").expect("a good object");
    assert!(stage.target("/etc/copied").is_none());
    stage.write("/etc/own", "mine");
    stage.activate("/nix/store/b-etc/etc").expect("a good object");
    assert!(!stage.path("/var/lib/nivis/replaced").exists(), "all that went was a system's");
    assert_eq!(stage.text("/etc/both").as_deref(), Some("b"));
    assert_eq!(stage.text("/etc/own").as_deref(), Some("mine"));
    assert!(stage.target("/etc/old/file").is_none());
    assert!(!stage.path("/etc/copied").exists());
}

#[test]
fn a_file_that_no_system_made_is_kept_elsewhere() {
    let stage = Stage::new();
    stage.write("/etc/hosts", "mine");
    stage.write("/nix/store/a-etc/etc/hosts", "a");
    stage.activate("/nix/store/a-etc/etc").expect("a good object");
    assert_eq!(stage.text("/etc/hosts").as_deref(), Some("a"));
    let kept = stage.text("/var/lib/nivis/replaced/etc/hosts");
    assert_eq!(kept.as_deref(), Some("mine"));
    assert_eq!(stage.activate("/nix/store/a-etc/etc"), Ok(0));
}

#[test]
fn a_copy_has_its_own_permissions() {
    let mut stage = Stage::new();
    stage.write("/nix/store/a-etc/etc/secret", "s");
    stage.copy("secret", 0o640);
    stage.activate("/nix/store/a-etc/etc").expect("a good object");
    let mode = stage.path("/etc/secret").metadata().expect("a copy").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(stage.target("/etc/secret").is_none());
    assert_eq!(stage.activate("/nix/store/a-etc/etc"), Ok(0));
}

#[test]
fn a_bad_object_is_told_and_changes_nothing() {
    let stage = Stage::new();
    let error = stage.activate("/nix/store/a-etc/etc").expect_err("no object");
    assert!(error.contains("reading `"), "{error}");
    stage.link("/nix/store/b-etc/etc/loop", "/nix/store/b-etc/etc/loop");
    let error = stage.activate("/nix/store/b-etc/etc").expect_err("a loop");
    assert!(error.contains("too many links"), "{error}");
    assert!(!stage.path("/etc").exists());
}
