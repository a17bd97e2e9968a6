//! Numbers as text: what printing, `toString` and `toJSON` make of integers and floats.

/// Returns a float as C++'s streams and C's `%g` print it, with six digits: `1e+06`, `0.1`.
pub fn general(value: f64) -> String {
    let _ = value;
    todo!()
}

/// Returns a float as C's `%f` prints it: `0.100000`.
pub fn fixed(value: f64) -> String {
    let _ = value;
    todo!()
}

/// Returns a float by the fewest digits that read back the same, as JSON has it: `1.0`, `1e-07`.
pub fn shortest(value: f64) -> String {
    let _ = value;
    todo!()
}
