//! Numbers, dates and times, and what can be wrong with them.

use super::{Finding, Read, UNKNOWN};

const INTEGER_HINTS: &[&str] = &[
    "Hint: valid  : -42, 1_000, 1_2_3_4_5, 0xC0FFEE, 0b0010, 0o755",
    "Hint: invalid: _42, 1__000, 0123",
];
const FLOAT_HINTS: &[&str] = &[
    "Hint: valid  : +1.0, -2e-2, 3.141_592_653_589, inf, nan",
    "Hint: invalid: .0, 1., _1.0, 1.0_, 1_.0, 1.0__0",
];

/// What begins like a number, and where in the text it does.
pub(super) struct Number<'t> {
    pub(super) text: &'t [u8],
    pub(super) start: usize,
}

/// A base other than ten: what it begins with, what is wrong, and which digits it has.
type Base = (&'static [u8], &'static str, &'static str, fn(&u8) -> bool);

const BASES: [Base; 3] = [
    (
        b"0x",
        "toml::parse_hex_integer: invalid integer: hex_int must be like: 0xC0FFEE, 0xdead_beef",
        "expected hex [0-9a-fA-F]",
        u8::is_ascii_hexdigit,
    ),
    (
        b"0o",
        "toml::parse_oct_integer: invalid integer: oct_int must be like: 0o775, 0o04_44",
        "expected from `0` to `7`",
        |byte| (b'0'..=b'7').contains(byte),
    ),
    (
        b"0b",
        "toml::parse_bin_integer: invalid integer: bin_int must be like: 0b0101, 0b1111_0000",
        "expected 0 or 1",
        |byte| matches!(byte, b'0' | b'1'),
    ),
];

impl Number<'_> {
    /// Returns how many bytes it has.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn length(&self) -> Read<usize> {
        if let Some(length) = self.date_and_time()? {
            return Ok(length);
        }
        for (prefix, message, words, is_digit) in BASES {
            if self.text.starts_with(prefix) {
                let digits = self.digits(prefix.len(), is_digit)?;
                if digits == 0 {
                    return Err(self.wrong(message, prefix.len(), words));
                }
                return Ok(prefix.len() + digits);
            }
        }
        let sign = usize::from(matches!(self.text.first(), Some(b'+' | b'-')));
        let rest = self.text.get(sign..).unwrap_or_default();
        if rest.starts_with(b"inf") || rest.starts_with(b"nan") {
            return Ok(sign + 3);
        }
        match rest.first() {
            Some(b'_') => {
                let message = "bad number: `_` must be surrounded by digits";
                let finding = self.wrong(message, sign, "digits required before `_`");
                Err(finding.hinting(INTEGER_HINTS))
            }
            Some(b'.') => {
                let message = "bad float: integer part is required before decimal point";
                let finding = self.wrong(message, sign, "missing integer part");
                Err(finding.hinting(FLOAT_HINTS))
            }
            Some(b'0'..=b'9') => self.decimal(sign),
            _ => Err(self.wrong(UNKNOWN, 0, "here")),
        }
    }

    fn wrong(&self, message: &str, offset: usize, words: &str) -> Finding {
        Finding::at(message, self.start + offset, words)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// Returns how many digits and underscores follow.
    fn digits(&self, from: usize, is_digit: fn(&u8) -> bool) -> Read<usize> {
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            let is_between = byte == b'_'
                && at > from
                && self.byte(at - 1) != Some(b'_')
                && self.byte(at + 1).is_some_and(|next| is_digit(&next));
            if is_digit(&byte) || is_between {
                at += 1;
                continue;
            }
            if byte == b'_' && at > from {
                let message = "bad integer: `_` must be surrounded by digits";
                let finding = self.wrong(message, at, "invalid underscore");
                return Err(finding.hinting(INTEGER_HINTS));
            }
            break;
        }
        Ok(at - from)
    }

    /// Reads an integer or a floating point number after its sign.
    fn decimal(&self, from: usize) -> Read<usize> {
        let mut at = from + self.digits(from, u8::is_ascii_digit)?;
        if self.byte(from) == Some(b'0') && at > from + 1 {
            let message = "bad integer: invalid digit after an integer";
            let finding = self.wrong(message, from + 1, "this digit is not allowed");
            return Err(finding.hinting(INTEGER_HINTS));
        }
        let float = |at| self.wrong("bad float: invalid format", at, "here").hinting(FLOAT_HINTS);
        let mut is_float = false;
        if self.byte(at) == Some(b'.') {
            is_float = true;
            let digits = self.digits(at + 1, u8::is_ascii_digit)?;
            if digits == 0 {
                return Err(float(at));
            }
            at += 1 + digits;
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            is_float = true;
            let sign = usize::from(matches!(self.byte(at + 1), Some(b'+' | b'-')));
            let digits = self.digits(at + 1 + sign, u8::is_ascii_digit)?;
            if digits == 0 {
                return Err(float(at));
            }
            at += 1 + sign + digits;
        }
        if !is_float && !fits(self.text.get(..at).unwrap_or_default()) {
            let message = "toml::parse_dec_integer: too large integer: current max digits = 2^63";
            return Err(self.wrong(message, at, "must be < 2^63"));
        }
        Ok(at)
    }

    /// Reads a date, a time, or both; `None` if it is neither.
    fn date_and_time(&self) -> Read<Option<usize>> {
        let Some(date) = self.numbers(0, b"0000-00-00") else {
            return match self.numbers(0, b"00:00:00") {
                Some(time) => self.time(0, &time).map(Some),
                None => Ok(None),
            };
        };
        let [year, month, day] = *date.as_slice() else { return Ok(None) };
        if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
            let words = "month must be 01-12, day must be any of 01-28,29,30,31 depending on the \
                         month/year.";
            return Err(self.wrong("toml::parse_local_date: invalid date.", 0, words));
        }
        const DATE: usize = "0000-00-00".len();
        let is_joined = matches!(self.byte(DATE), Some(b'T' | b't' | b' '));
        match self.numbers(DATE + 1, b"00:00:00").filter(|_| is_joined) {
            Some(time) => self.time(DATE + 1, &time).map(|end| Some(end + self.zone(end))),
            None => Ok(Some(DATE)),
        }
    }

    /// Returns the numbers of a text of this form, in which `0` is a digit.
    fn numbers(&self, from: usize, form: &[u8]) -> Option<Vec<u32>> {
        let text = self.text.get(from..from + form.len())?;
        let fits = text.iter().zip(form).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
        let text = std::str::from_utf8(text).ok().filter(|_| fits)?;
        text.split(['-', ':']).map(|number| number.parse().ok()).collect()
    }

    fn time(&self, from: usize, time: &[u32]) -> Read<usize> {
        let &[hour, minute, second] = time else { return Ok(from) };
        if hour > 23 || minute > 59 || second > 60 {
            let words = "hour must be 00-23, minute must be 00-59.";
            return Err(self.wrong("toml::parse_local_time: invalid time.", from, words));
        }
        let end = from + "00:00:00".len();
        if self.byte(end) != Some(b'.') {
            return Ok(end);
        }
        let fraction = self.text.get(end + 1..).unwrap_or_default();
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        Ok(end + 1 + digits)
    }

    fn zone(&self, from: usize) -> usize {
        match self.byte(from) {
            Some(b'Z' | b'z') => 1,
            Some(b'+' | b'-') if self.numbers(from + 1, b"00:00").is_some() => "+00:00".len(),
            _ => 0,
        }
    }
}

/// Whether the digits, with a sign and underscores, are an integer of 64 bits.
fn fits(text: &[u8]) -> bool {
    let plain: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'_').collect();
    std::str::from_utf8(&plain).is_ok_and(|text| text.parse::<i64>().is_ok())
}

fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
