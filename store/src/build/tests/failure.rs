//! Builds that go wrong: each says why, and none leaves anything that is wrong.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::content_address::{ContentAddress, FileMethod};
use crate::event::Silent;
use crate::hash::Hash;
use crate::store::{GcAction, GcOptions};

fn fixed(text: &[u8]) -> Output {
    let digest = Hash::sha256(text);
    Output::Fixed(ContentAddress::Fixed { method: FileMethod::Flat, digest })
}

/// Tries a script that must fail, and that the next build is none the worse for it.
fn check(script: &str, kind: BuildFailureKind, message: &str) {
    let Some(scratch) = Scratch::with_shell() else { return };
    let path = scratch.script("broken", script);
    let failure = scratch.failure(&path);
    let printed = scratch.store.directory().display(&path);
    assert_eq!(failure.kind, kind, "{failure:?}");
    let expected = message.replace("DRV", &printed);
    assert!(failure.message.contains(&expected), "{failure:?}");
    scratch.is_clean();
    let good = scratch.script("good", "echo good > $out");
    assert_eq!(fs::read(scratch.build(&good).expect("a sound one")).expect("a file"), b"good\n");
}

#[test]
fn a_builder_that_fails_is_named_with_its_last_words() {
    check(
        "mkdir $out; echo some > $out/file; exit 3",
        BuildFailureKind::Builder,
        "builder for 'DRV' failed with exit code 3",
    );
    let Some(scratch) = Scratch::with_shell() else { return };
    let path = scratch.script("talker", "echo first; echo last; exit 1");
    assert_eq!(scratch.failure(&path).log_tail, ["first", "last"]);
    let log = super::super::log::read(&scratch.path("nix/var/log/nix"), &path);
    assert_eq!(log.expect("it can be read").as_deref(), Some(&b"first\nlast\n"[..]));
}

#[test]
fn a_builder_without_output_is_refused() {
    check(
        "exit 0",
        BuildFailureKind::OutputRejected,
        "builder for 'DRV' failed to produce output path for output 'out' at '",
    );
}

#[test]
fn an_output_that_others_could_change_is_refused() {
    let script = "umask 0; mkdir $out";
    let message = "suspicious ownership or permission on '";
    check(script, BuildFailureKind::OutputRejected, message);
}

#[test]
fn limits_on_time_are_kept() {
    let Some(mut scratch) = Scratch::with_shell() else { return };
    let path = scratch.script("slow", "while :; do echo; sleep 0.05; done");
    scratch.options.timeout = Some(Duration::from_millis(300));
    let failure = scratch.failure(&path);
    assert_eq!(failure.kind, BuildFailureKind::TimedOut);
    assert!(failure.message.ends_with("timed out after 0 seconds"), "{failure:?}");
    scratch.options.timeout = None;
    scratch.options.max_silent_time = Some(Duration::from_millis(300));
    let path = scratch.script("silent", "mkdir $out; sleep 1000");
    let failure = scratch.failure(&path);
    assert_eq!(failure.kind, BuildFailureKind::TimedOut);
    assert!(failure.message.ends_with("timed out after 0 seconds of silence"), "{failure:?}");
    scratch.is_clean();
}

#[test]
fn a_wrong_hash_tells_both_and_registers_nothing() {
    let Some(scratch) = Scratch::with_shell() else { return };
    let path = scratch.derivation("fixed", |derivation| {
        derivation.arguments = vec![b"-c".to_vec(), b"echo found > $out".to_vec()];
        derivation.outputs.insert("out".to_owned(), fixed(b"promised\n"));
    });
    let failure = scratch.failure(&path);
    assert_eq!(failure.kind, BuildFailureKind::HashMismatch);
    for text in [&b"promised\n"[..], b"found\n"] {
        let hash = Hash::sha256(text).prefixed(crate::hash::HashFormat::Sri);
        assert!(failure.message.contains(&hash), "{failure:?}");
    }
    scratch.is_clean();
}

#[test]
fn outputs_that_refer_to_each_other_in_a_circle_are_refused() {
    let Some(scratch) = Scratch::with_shell() else { return };
    let path = scratch.derivation("circle", |derivation| {
        let script = "echo $dev > $out; echo $out > $dev";
        derivation.arguments = vec![b"-c".to_vec(), script.as_bytes().to_vec()];
        derivation.outputs.insert("dev".to_owned(), Output::Deferred);
    });
    let failure = scratch.failure(&path);
    assert_eq!(failure.kind, BuildFailureKind::OutputRejected);
    let printed = scratch.store.directory().display(&path);
    let message = format!("cycle detected in build of '{printed}' in the references of output");
    assert!(failure.message.starts_with(&message), "{failure:?}");
    scratch.is_clean();
}

#[test]
fn what_others_need_fails_them_and_what_they_do_not_goes_on() {
    let Some(mut scratch) = Scratch::with_shell() else { return };
    scratch.options.keep_going = true;
    let bad = scratch.script("bad", "exit 1");
    let good = scratch.script("good", "echo > $out");
    let above = scratch.derivation("above", |derivation| {
        let needs = |path: &StorePath| (path.clone(), ["out".to_owned()].into());
        derivation.input_derivations = [needs(&bad), needs(&good)].into();
    });
    let Err(BuildError::Failed { failures }) = scratch.build(&above) else {
        panic!("one of its inputs fails");
    };
    let kinds: Vec<BuildFailureKind> = failures.iter().map(|failure| failure.kind).collect();
    assert_eq!(kinds, [BuildFailureKind::Builder, BuildFailureKind::Dependency]);
    scratch.options.max_jobs = 0;
    scratch.build(&good).expect("it has been built");
    scratch.is_clean();
}

#[test]
fn a_full_disk_fails_the_build_and_says_so() {
    let Some(mut scratch) = Scratch::with_shell() else { return };
    // The builder's own memory file system: the disks of the host are not ours to fill.
    scratch.options.sandbox_shm_size = "64k".to_owned();
    let script = "cat /dev/zero > /dev/shm/file";
    let path = scratch.script("full", script);
    let failure = scratch.failure(&path);
    assert_eq!(failure.kind, BuildFailureKind::Builder);
    assert!(failure.log_tail.iter().any(|it| it.contains("No space left")), "{failure:?}");
    scratch.is_clean();
}

#[test]
fn two_builds_of_one_derivation_are_one() {
    let Some(scratch) = Scratch::with_shell() else { return };
    // Built twice it would not be the same.
    let script = "echo $$ > $out; cat /proc/sys/kernel/random/uuid >> $out; sleep 0.2";
    let path = scratch.script("once", script);
    let said = Said::default();
    let outputs: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let build = || {
            // As another process would have it: a store and locks of its own.
            let store = open(scratch.directory.path());
            store.realise(&[every(&path)], &scratch.options, &said).expect("it is sound");
            let outputs = store.derivation_outputs(&path).expect("it is valid");
            let out = outputs["out"].clone().expect("it is known");
            fs::read(store.real_path(&out)).expect("a file")
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(build)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{outputs:?}");
    let said = said.0.lock().expect("nobody panics with it");
    assert!(said.iter().any(|line| line.starts_with("waiting for lock on '")), "{said:?}");
    scratch.is_clean();
}

#[test]
fn collections_leave_what_is_being_built_alone() {
    let Some(scratch) = Scratch::with_shell() else { return };
    let script = "mkdir $out; sleep 0.1; echo file > $out/file; sleep 0.1";
    let paths: Vec<StorePath> =
        (0..3).map(|number| scratch.script(&format!("raced-{number}"), script)).collect();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let other = open(scratch.directory.path());
            let options = GcOptions { action: GcAction::DeleteDead, ..GcOptions::default() };
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                other.collect_garbage(&options, &Silent).expect("a sound store");
            }
        });
        let places: Vec<_> = paths.iter().map(|path| scratch.build(path)).collect();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        for place in places {
            let place = place.expect("nothing was taken away");
            assert_eq!(fs::read(place.join("file")).expect("a file"), b"file\n");
        }
    });
    scratch.is_clean();
}

#[test]
fn what_a_dead_build_left_is_removed_by_the_next() {
    let Some(scratch) = Scratch::with_shell() else { return };
    let path = scratch.script("again", "mkdir $out; echo good > $out/file");
    let out = scratch.store.derivation_outputs(&path).expect("it is valid")["out"].clone();
    let place = scratch.store.real_path(&out.expect("it is known"));
    // As after kill -9: an output in place but not registered, the room of a build, locks.
    fs::create_dir_all(place.join("half")).expect("room for it");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o555)).expect("it is ours");
    let real = scratch.store.real_path(&path).display().to_string();
    fs::create_dir_all(format!("{real}.chroot/store/{}", "0".repeat(32))).expect("room for it");
    fs::create_dir_all(scratch.path("nix/var/nix/builds/nix-1-0/build")).expect("room for it");
    fs::write(format!("{}.lock", place.display()), "").expect("room for it");
    assert_eq!(scratch.build(&path).expect("it is sound"), place);
    let names: Vec<_> = fs::read_dir(&place).expect("a directory").flatten().collect();
    assert_eq!(names.len(), 1);
    scratch.is_clean();
}
