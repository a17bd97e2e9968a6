//! Nix's own base-32, the alphabet of store paths.
//!
//! The digits are taken from the *end* of the byte string, five bits at a time, and the alphabet
//! leaves out `e`, `o`, `t` and `u`.
//! Text order therefore is the order of the reversed bytes.

/// The 32 digits, in ascending value and ascending byte order.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Marks bytes that are no digit in the table of digit values.
const NO_DIGIT: u8 = 0xff;

/// The value of every byte as a digit.
const DIGITS: [u8; 256] = digit_values();

const fn digit_values() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        table[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table
}

/// Returns whether `byte` is one of the 32 digits.
#[inline]
pub fn is_digit(byte: u8) -> bool {
    DIGITS[byte as usize] != NO_DIGIT
}

/// Returns how many digits `bytes` bytes take.
pub const fn encoded_length(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Writes `bytes` in base-32.
///
/// ```
/// assert_eq!(store::base32::encode(&[0x1f, 0x00]), "000z");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    let length = encoded_length(bytes.len());
    let mut text = String::with_capacity(length);
    for digit in (0..length).rev() {
        let bit = digit * 5;
        let (byte, shift) = (bit / 8, bit % 8);
        let low = u16::from(bytes.get(byte).copied().unwrap_or(0));
        let high = u16::from(bytes.get(byte + 1).copied().unwrap_or(0));
        let value = ((high << 8 | low) >> shift) & 0x1f;
        text.push(char::from(ALPHABET[value as usize]));
    }
    text
}

/// Reads base-32 text back into bytes.
///
/// Returns `None` for a byte that is no digit, for a length that no byte string has, and for
/// digits that carry bits beyond the last byte.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let length = text.len() * 5 / 8;
    if encoded_length(length) != text.len() {
        return None;
    }
    let mut bytes = vec![0u8; length];
    for (digit, character) in text.iter().rev().enumerate() {
        let value = DIGITS[*character as usize];
        if value == NO_DIGIT {
            return None;
        }
        let bit = digit * 5;
        let (byte, shift) = (bit / 8, bit % 8);
        let wide = u16::from(value) << shift;
        *bytes.get_mut(byte)? |= wide as u8;
        let carry = (wide >> 8) as u8;
        match bytes.get_mut(byte + 1) {
            Some(next) => *next |= carry,
            None if carry == 0 => {}
            None => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{decode, encode, encoded_length, is_digit};

    proptest! {
        #[test]
        fn decoding_reverses_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len(), encoded_length(bytes.len()));
            prop_assert_eq!(decode(text.as_bytes()), Some(bytes));
        }

        #[test]
        fn encoding_reverses_decoding(text in "[0-9a-z]{0,60}") {
            if let Some(bytes) = decode(text.as_bytes()) {
                prop_assert!(text.bytes().all(is_digit));
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }

    #[test]
    fn refuses_bits_beyond_the_last_byte() {
        assert_eq!(decode(b"zz"), None);
        assert_eq!(decode(b"7z"), Some(vec![0xff]));
    }
}
