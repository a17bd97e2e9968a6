//! Numbers as text: what printing, `toString` and `toJSON` make of integers and floats.

mod grisu;

/// How many digits `%g` shows.
const GENERAL_DIGITS: i32 = 6;

/// Returns a float as C++'s streams and C's `%g` print it, with six digits: `1e+06`, `0.1`.
pub fn general(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    // `{:e}` rounds as C does (to nearest, exactly), so its exponent is the one after rounding.
    let scientific = format!("{value:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..GENERAL_DIGITS).contains(&exponent) {
        let decimals = usize::try_from(GENERAL_DIGITS - 1 - exponent).unwrap_or_default();
        return without_trailing_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs())
}

/// Returns a float as C's `%f` prints it: `0.100000`.
pub fn fixed(value: f64) -> String {
    if value.is_finite() { format!("{value:.6}") } else { not_finite(value) }
}

/// Returns a float by few digits that read back the same, as JSON has it: `1.0`, `1e-07`.
///
/// What JSON cannot say (infinities, not-a-number) is `null`.
/// Source: nlohmann's JSON library, whose digits (Grisu2) CppNix prints.
pub fn shortest(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    let (digits, exponent) = grisu::digits(value.abs());
    format!("{sign}{}", place_point(&digits, exponent))
}

/// Writes `digits * 10^exponent` with a point where that is short, else with an exponent.
fn place_point(digits: &str, exponent: i32) -> String {
    const POINT_MIN: i32 = -4;
    const POINT_MAX: i32 = 15;
    let len = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let point = len + exponent;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    if (len..=POINT_MAX).contains(&point) {
        return format!("{digits}{}.0", zeros(point - len));
    }
    if (1..=POINT_MAX).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        return format!("{whole}.{fraction}");
    }
    if (POINT_MIN + 1..=0).contains(&point) {
        return format!("0.{}{digits}", zeros(-point));
    }
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let sign = if point - 1 < 0 { '-' } else { '+' };
    format!("{first}{dot}{rest}e{sign}{:02}", (point - 1).abs())
}

fn not_finite(value: f64) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", if value.is_nan() { "nan" } else { "inf" })
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests;
