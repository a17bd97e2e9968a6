//! How numbers look as text.

use proptest::prelude::*;

use super::{fixed, general, shortest};

#[test]
fn general_is_percent_g() {
    let cases = [
        (1.0, "1"),
        (100_000.0, "100000"),
        (999_999.5, "1e+06"),
        (1e-5, "1e-05"),
        (1e-4, "0.0001"),
        (123_456_789.123, "1.23457e+08"),
        (0.5, "0.5"),
        (-1.0 / 3.0, "-0.333333"),
        (1e300, "1e+300"),
        (0.0, "0"),
        (-0.0, "-0"),
        (f64::INFINITY, "inf"),
    ];
    for (value, text) in cases {
        assert_eq!(general(value), text);
    }
}

#[test]
fn fixed_is_percent_f() {
    assert_eq!(fixed(0.1), "0.100000");
    assert_eq!(fixed(1e20), "100000000000000000000.000000");
    assert_eq!(fixed(-2.5e-7), "-0.000000");
}

#[test]
fn shortest_places_the_point_as_json_does() {
    let cases = [
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (1.0 / 3.0, "0.3333333333333333"),
        (1e14, "100000000000000.0"),
        (1e15, "1e+15"),
        (123_456_789_012_345.6, "123456789012345.6"),
        (0.0001, "0.0001"),
        (1.5e-5, "1.5e-05"),
        (-1.25e300, "-1.25e+300"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
    ];
    for (value, text) in cases {
        assert_eq!(shortest(value), text);
    }
}

proptest! {
    #[test]
    fn shortest_reads_back_the_same(bits: u64) {
        let value = f64::from_bits(bits);
        if value.is_finite() {
            let text = shortest(value);
            prop_assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(bits), "{}", text);
        }
    }
}
