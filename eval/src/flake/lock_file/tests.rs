//! Lock files read, written and compared.

use super::{Edge, LockFile, ROOT, child};

const TEXT: &str = r#"{
  "nodes": {
    "a": {
      "inputs": {
        "b": [
          "b"
        ],
        "c": "c"
      },
      "locked": {
        "lastModified": 86400,
        "narHash": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "path": "/a",
        "type": "path"
      },
      "original": {
        "path": "/a",
        "type": "path"
      }
    },
    "b": {
      "flake": false,
      "locked": {
        "path": "./b",
        "type": "path"
      },
      "original": {
        "path": "./b",
        "type": "path"
      },
      "parent": []
    },
    "c": {
      "locked": {
        "rev": "19553ec3e3fa525059487c71c2193a54fe7d5dd6",
        "type": "git",
        "url": "file:///c"
      },
      "original": {
        "type": "git",
        "url": "file:///c"
      }
    },
    "root": {
      "inputs": {
        "a": "a",
        "b": "b"
      }
    }
  },
  "root": "root",
  "version": 7
}
"#;

fn read(text: &str) -> Result<LockFile, String> {
    let json = serde_json::from_str(text).expect("JSON");
    LockFile::read(&json, "flake.lock", false, true, &mut |warning| panic!("{warning}"))
}

#[test]
fn reading_and_writing_are_inverse() {
    let file = read(TEXT).expect("a lock file");
    assert_eq!(file.to_text(), TEXT);
    assert_eq!(file.unlocked(true), None);
    assert_eq!(file.check(), Ok(()));
    assert_eq!(
        LockFile::default().to_text(),
        "{\n  \"nodes\": {\n    \"root\": {}\n  },\n  \"root\": \"root\",\n  \"version\": 7\n}\n"
    );
}

#[test]
fn inputs_are_found_through_those_they_follow() {
    let mut file = read(TEXT).expect("a lock file");
    let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let direct = file.find(&path("b")).expect("no circle").expect("it is there");
    assert_eq!(file.find(&path("a/b")), Ok(Some(direct)));
    assert_eq!(file.find(&path("a/x")), Ok(None));
    file.set_input(ROOT, "x", Edge::Follows(path("y")));
    assert_eq!(file.check(), Err("input 'x' follows a non-existent input 'y'".to_owned()));
    file.set_input(ROOT, "y", Edge::Follows(path("x")));
    let problem = file.check().expect_err("a circle");
    assert!(problem.starts_with("follow cycle detected: ["), "{problem}");
    assert_eq!(child(&path("a"), "b"), path("a/b"));
}

#[test]
fn nodes_of_one_name_are_numbered() {
    let mut file = read(TEXT).expect("a lock file");
    let lock = file.node(file.find(&["a".to_owned()]).expect("no circle").expect("it is there"));
    let lock = lock.lock.clone().expect("it is no root");
    let other = file.add(lock);
    let inner = file.find(&["a".to_owned()]).expect("no circle").expect("it is there");
    file.set_input(inner, "b", Edge::Node(other));
    let (json, keys) = file.to_json();
    assert_eq!(keys.get(&other).map(String::as_str), Some("b"));
    assert!(json.pointer("/nodes/b_2/parent").is_some(), "{json}");
}

#[test]
fn what_changed_is_told_by_input() {
    let old = read(TEXT).expect("a lock file");
    let mut new = old.clone();
    new.set_input(ROOT, "a", Edge::Follows(vec!["b".to_owned()]));
    assert_eq!(old.difference(&old), "");
    let told = new.difference(&old);
    let updated = "• Updated input 'a':\n    'path:/a?lastModified=86400&narHash=";
    assert!(told.starts_with(updated), "{told}");
    assert!(told.contains("(1970-01-02)\n  → follows 'b'\n"), "{told}");
    assert!(told.ends_with("• Removed input 'a/b'\n• Removed input 'a/c'\n"), "{told}");
}

#[test]
fn what_is_no_lock_file_says_why() {
    let problem = |text: &str| read(text).expect_err("it is none");
    assert_eq!(problem("{}"), "lock file 'flake.lock' has unsupported version 0");
    let root = |inputs: &str, more: &str| {
        problem(&format!(
            r#"{{"version": 7, "root": "r", "nodes": {{"r": {{"inputs": {inputs}}}{more}}}}}"#
        ))
    };
    assert_eq!(root(r#"{"a": "a"}"#, ""), "lock file references missing node 'a'");
    assert_eq!(root(r#"{"a": "r"}"#, ""), "lock file contains cycle to root node");
    let tree = r#"{"type": "path", "path": "/x"}"#;
    let open = format!(r#", "a": {{"locked": {tree}, "original": {tree}}}"#);
    assert!(root(r#"{"a": "a"}"#, &open).starts_with("Lock file contains unlocked input '{"));
    assert_eq!(root(r#"{"a": "a"}"#, r#", "a": {}"#), "attribute 'locked' missing in lock file");
}
