//! Killed at any moment: nothing that is registered is wrong, and the next run carries on.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;
use crate::event::Silent;
use crate::store::GcOptions;

/// The name of the test that is killed.
const VICTIM: &str = "build::tests::crash::a_build_to_be_killed";

/// Builds what the environment names, in a process of its own.
#[test]
fn a_build_to_be_killed() {
    let Some(root) = std::env::var_os("NIVIS_TEST_ROOT") else { return };
    let store = open(Path::new(&root));
    let options = RealiseOptions { sandbox_paths: shell_paths(), ..RealiseOptions::default() };
    let path = std::env::var("NIVIS_TEST_DERIVATION").expect("it goes with the root");
    let path = store.directory().parse(&path).expect("a store path");
    store.realise(&[every(&path)], &options, &Said::default()).expect("it is sound");
}

#[test]
fn a_build_killed_at_any_moment_is_carried_on() {
    let Some(mut scratch) = Scratch::with_shell() else { return };
    let program = std::env::current_exe().expect("it runs");
    let script = "mkdir $out; echo a > $out/a; ln -s $out/a $out/link; echo $out > $dev";
    let mut whole = None;
    let mut killed = 0;
    for number in 0..24 {
        let path = scratch.derivation(&format!("killed-{number}"), |derivation| {
            derivation.arguments = vec![b"-c".to_vec(), script.as_bytes().to_vec()];
            derivation.outputs.insert("dev".to_owned(), Output::Deferred);
        });
        let start = Instant::now();
        let mut victim = Command::new(&program)
            .args([VICTIM, "--exact"])
            .env("NIVIS_TEST_ROOT", scratch.directory.path())
            .env("NIVIS_TEST_DERIVATION", scratch.store.directory().display(&path))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this very program");
        match whole {
            // How long it takes undisturbed, the first time.
            None => {
                assert!(victim.wait().expect("it is ours").success());
                whole = Some(start.elapsed());
            }
            Some(whole) => {
                std::thread::park_timeout(whole * number / 21);
                let _ = victim.kill();
                let status = victim.wait().expect("it is ours");
                killed += u32::from(!status.success());
            }
        }
        let outputs = scratch.store.derivation_outputs(&path).expect("it is valid");
        let valid = outputs
            .values()
            .flatten()
            .filter(|it| scratch.store.is_valid(it).expect("the database is sound"));
        let valid = valid.count();
        assert!(valid == 0 || valid == 2, "outputs are registered together");
        let said = Said::default();
        assert!(scratch.store.verify(true, false, &said).expect("it can be read"), "{:?}", said.0);
        let place = scratch.build(&path).expect("the next run carries on");
        assert_eq!(fs::read(place.join("a")).expect("a file"), b"a\n");
    }
    // What a dead build leaves, the next build and a collection remove; nothing is needed here.
    scratch.build(&scratch.script("last", "echo > $out")).expect("it is sound");
    scratch.store = open(scratch.directory.path());
    scratch.store.collect_garbage(&GcOptions::default(), &Silent).expect("a sound store");
    assert_eq!(scratch.store.all_valid_paths().expect("it can be read"), BTreeSet::new());
    scratch.is_clean();
    assert!(killed > 0, "all were done before they were killed");
}
