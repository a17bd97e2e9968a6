//! Random texts for the properties: pieces of which broken and whole files can be put together.

use proptest::prelude::*;

const PIECES: [&str; 40] = [
    "a", "b.c", " ", "\n", "1", "{", "}", "[", "]", "(", ")", ";", "=", ":", ",", "?", "@", "...",
    ".", "\"", "''", "${", "$", "\\", "#", "/*", "*/", "let ", " in ", "rec ", "with ", "inherit ",
    "if ", " then ", " else ", "./x", "/", " or ", " ++ ", "é",
];

/// Returns texts of so many pieces.
pub(crate) fn pieces(count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let piece = (0..PIECES.len()).prop_map(|index| PIECES[index]);
    proptest::collection::vec(piece, count).prop_map(|pieces| pieces.concat())
}
