//! How many cases each subject has: what is counted here is shown at some length.

use std::path::Path;

use syntax::{Options, parse_flat};
use tests::literate::{self, Block, Case};

use super::answer::is_answer;

/// The fewest cases of a subject.
const CASES_MIN: usize = 20;

/// Something that cases show.
struct Subject {
    name: &'static str,
    documents: &'static [&'static str],
    /// Whether a case shows it.
    is_shown_by: fn(&Case) -> bool,
    /// What must stand in one of its cases at least: each of its kinds is shown.
    kinds: &'static [&'static str],
}

const SUBJECTS: [Subject; 7] = [
    Subject {
        name: "roles of files",
        documents: &["roles.md"],
        is_shown_by: |case| case.blocks.iter().any(is_answer),
        kinds: &[
            "services.",
            "home-manager.users",
            "homeManagerConfiguration",
            "mkFlake",
            "types.submodule",
            "stdenv",
        ],
    },
    Subject {
        name: "diagnostics of values",
        documents: &["value-diagnostics.md"],
        is_shown_by: |case| case.block("diagnostics").is_some(),
        kinds: &["boolean", "one of", "between", "unknown-option", "renamed"],
    },
    Subject {
        name: "hovered values",
        documents: &["expressions.md", "values.md"],
        is_shown_by: |case| {
            case.block("hover").is_some_and(|it| {
                ["*Value:* ", "*Result:* "].iter().any(|title| it.text.contains(title))
            })
        },
        kinds: &["cannot be evaluated", "*Result:* ", "…"],
    },
    Subject {
        name: "everyone who sets an option",
        documents: &["implementation.md"],
        is_shown_by: |case| case.block("implementation").is_some(),
        kinds: &["mkMerge", "mkIf", "import ", "flake.nix"],
    },
    Subject {
        name: "a name that is renamed in several files",
        documents: &["rename.md"],
        is_shown_by: |case| case.block("rename").is_some_and(|it| edited_files(it) > 1),
        kinds: &["options.", "with import", "inherit", "callPackage"],
    },
    Subject {
        name: "broken code at the cursor",
        documents: &["broken.md"],
        is_shown_by: |case| case.files().any(|(_, text)| text.contains('$') && is_broken(text)),
        kinds: &["```completion", "```definition", "hover"],
    },
    Subject {
        name: "text outside ASCII",
        documents: &["non-ascii.md"],
        is_shown_by: |case| case.files().any(|(_, text)| !text.is_ascii()),
        kinds: &["```completion", "```rename", "```diagnostics", "````hover"],
    },
];

/// Counts the files in which a rename changes lines.
fn edited_files(answer: &Block) -> usize {
    let is_file = |line: &&str| !line.contains('|') && !line.starts_with("refused: ");
    answer.text.lines().filter(is_file).count()
}

/// Whether a text with cursors has syntax errors without them.
fn is_broken(text: &str) -> bool {
    let mut plain = text.to_owned();
    for number in 0..10 {
        plain = plain.replace(&format!("${number}"), "");
    }
    !parse_flat(plain.as_bytes(), Options::default()).1.is_empty()
}

#[test]
fn each_subject_has_its_cases() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ide");
    let mut wrong = Vec::new();
    for Subject { name, documents, is_shown_by, kinds } in SUBJECTS {
        let read = |it: &&str| std::fs::read_to_string(directory.join(it)).expect("a document");
        let texts: Vec<String> = documents.iter().map(read).collect();
        let cases = texts.iter().flat_map(|text| literate::parse(text));
        let count = cases.filter(is_shown_by).count();
        if count < CASES_MIN {
            wrong.push(format!("{name}: {count} cases"));
        }
        for kind in kinds.iter().filter(|kind| !texts.iter().any(|it| it.contains(**kind))) {
            wrong.push(format!("{name}: no case with `{kind}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_counted_is_what_is_meant() {
    let case = |text: &str| literate::parse(text).remove(0);
    let shown = |text: &str| {
        let case = case(text);
        SUBJECTS.iter().filter(|it| (it.is_shown_by)(&case)).map(|it| it.name).collect::<Vec<_>>()
    };
    let rename = "# x\n\n```nix\na$0\n```\n\n```rename b\nmain.nix\n1 | b\n";
    assert_eq!(shown(&format!("{rename}```\n")), ["roles of files"]);
    let renamed = shown(&format!("{rename}tea.nix\n1 | b\n```\n"));
    assert_eq!(renamed, ["roles of files", "a name that is renamed in several files"]);
    let refused = "# x\n\n```nix\n{ ä = $0\n```\n\n```rename b\nrefused: x\n```\n";
    let found = shown(refused);
    assert_eq!(found, ["roles of files", "broken code at the cursor", "text outside ASCII"]);
}
