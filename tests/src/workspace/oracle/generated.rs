//! Generated programs: the same values in every form, and the same words for what fails.
//!
//! `NIVIS_SEED` is the number that they follow from; CI takes a new one each time.

use super::{Evaluator, agrees, may_be_float, settle};
use program::{Program, Programs};

#[path = "program.rs"]
mod program;

/// How many programs are made.
const COUNT: usize = 5000;
/// How many programs that fail are made, each with an evaluation of its own.
const COUNT_FAILING: usize = 400;

/// Where the oracle has the file that `derivation` is made of.
const WRAPPER: &str = "«nix-internal»/derivation-internal.nix:";

/// A form in which values are asked for, and whether every program's value has it.
struct Form {
    flags: &'static [&'static str],
    is_json: bool,
}

const FORMS: [Form; 4] = [
    Form { flags: &["--eval"], is_json: false },
    Form { flags: &["--eval", "--strict"], is_json: false },
    Form { flags: &["--eval", "--strict", "--json"], is_json: true },
    Form { flags: &["--eval", "--strict", "--xml", "--no-location"], is_json: false },
];

/// Returns a trace without the steps in the file that `derivation` is made of: every
/// implementation has a text of its own there.
fn without_wrapper(trace: &str) -> String {
    let is_shown = |step: &&str| !step.contains("derivation.nix:") && !step.contains(WRAPPER);
    trace.split("\n\n").filter(is_shown).collect::<Vec<_>>().join("\n\n")
}

/// Returns the seed of this run.
fn seed() -> u64 {
    std::env::var("NIVIS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
fn generated_programs_have_the_same_values() {
    let Some(oracle) = Evaluator::oracle("the generated programs") else { return };
    let ours = Evaluator::ours();
    let mut programs = Programs::new(seed());
    let programs: Vec<Program> = (0..COUNT).map(|_| programs.next()).collect();
    let mut wrong = Vec::new();
    let (mut values, mut answers) = (0, 0);
    for form in FORMS {
        let asked = programs.iter().filter(|program| !form.is_json || program.has_json());
        let texts: Vec<String> = asked.map(|program| program.text.clone()).collect();
        let pairs = std::thread::scope(|scope| {
            let our = scope.spawn(|| ours.answers(form.flags, &texts));
            let its = oracle.answers(form.flags, &texts);
            our.join().expect("our answers are collected").into_iter().zip(its)
        });
        for (text, (our, its)) in texts.iter().zip(pairs) {
            answers += 1;
            values += usize::from(its.is_ok());
            let is_old_float = !oracle.is_target()
                && our.as_ref().is_ok_and(|our| may_be_float(our) || our.contains("e-"));
            if !agrees(&its, &our, oracle.is_target()) && !is_old_float {
                wrong.push(format!("{:?} {text}\n    {our:?}\n    {its:?}", form.flags));
            }
        }
    }
    settle(&oracle, &format!("answers of seed {}", seed()), &wrong);
    assert!(values * 10 > answers * 9, "only {values} of {answers} answers are values");
    eprintln!(
        "{COUNT} programs of seed {}: {answers} answers the same as those of {}, {values} values",
        seed(),
        oracle.version
    );
}

#[test]
fn generated_failures_have_the_same_words() {
    let what = "the words of generated failures";
    let Some(oracle) = Evaluator::oracle(what) else { return };
    if !oracle.is_target() {
        eprintln!("did not run: {what}: the oracle is {}", oracle.version);
        return;
    }
    let ours = Evaluator::ours();
    let mut programs = Programs::new(seed());
    let programs: Vec<String> = (0..COUNT_FAILING).map(|_| programs.next_failing()).collect();
    let words = |evaluator: &Evaluator| -> Vec<String> {
        let whole = |program: &String| {
            let output = evaluator.run(&["--eval", "--strict", "--show-trace", "-E", program]);
            without_wrapper(&String::from_utf8_lossy(&output.stderr))
        };
        programs.iter().map(whole).collect()
    };
    let (our, its) = std::thread::scope(|scope| {
        let our = scope.spawn(|| words(&ours));
        let its = words(&oracle);
        (our.join().expect("our words are collected"), its)
    });
    let mut wrong = Vec::new();
    let mut failures = 0;
    for (program, (our, its)) in programs.iter().zip(our.iter().zip(&its)) {
        failures += usize::from(!its.is_empty());
        if our != its {
            wrong.push(format!("{program}\n--- ours\n{our}\n--- the oracle\n{its}"));
        }
    }
    settle(&oracle, &format!("failures of seed {}", seed()), &wrong);
    assert!(failures * 2 > COUNT_FAILING, "only {failures} of {COUNT_FAILING} programs fail");
    eprintln!("{COUNT_FAILING} programs of seed {}, {failures} fail: the same words", seed());
}

#[test]
fn steps_in_the_wrapper_are_left_out() {
    let step = |file: &str| format!("… a\n  at {file}:1:2:\n\n");
    let trace = [step(WRAPPER.trim_end_matches(':')), step("«nivis»/nix/derivation.nix")].concat();
    assert_eq!(without_wrapper(&format!("{trace}{}error: x\n", step("«string»"))), {
        let shown = step("«string»");
        format!("{shown}error: x\n")
    });
}
