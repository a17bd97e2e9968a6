//! Passwords as `/etc/shadow` holds them: `$6$SALT$HASH`, which is SHA-512 many times over.
//!
//! Source: Ulrich Drepper, “Unix crypt using SHA-256 and SHA-512”.

use std::io::Read as _;
use store::{Hash, HashAlgorithm};

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ROUNDS: usize = 5000;
const SALT_LENGTH: usize = 16;

/// Returns `password` hashed with a fresh salt.
///
/// # Errors
///
/// When the system has no random bytes.
pub(crate) fn hash(password: &str) -> Result<String, String> {
    let mut random = [0; SALT_LENGTH];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut random))
        .map_err(|error| format!("no random bytes for a password: {error}"))?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 64)).copied().unwrap_or(b'.');
    let salt: Vec<u8> = random.iter().map(letter).collect();
    Ok(sha512_crypt(password.as_bytes(), &salt))
}

fn sha512(parts: &[&[u8]]) -> Vec<u8> {
    Hash::of(HashAlgorithm::Sha512, &parts.concat()).bytes().to_vec()
}

/// Returns the first `length` bytes of `digest` repeated.
fn repeated(digest: &[u8], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

fn sha512_crypt(password: &[u8], salt: &[u8]) -> String {
    let alternate = sha512(&[password, salt, password]);
    let mut first = [password, salt].concat();
    first.extend(repeated(&alternate, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        first.extend_from_slice(if bits & 1 == 1 { &alternate } else { password });
        bits >>= 1;
    }
    let mut digest = sha512(&[&first]);

    let passwords = repeated(&sha512(&[&password.repeat(password.len())]), password.len());
    let times = 16 + usize::from(digest.first().copied().unwrap_or_default());
    let salts = repeated(&sha512(&[&salt.repeat(times)]), salt.len());

    for round in 0..ROUNDS {
        let is_odd = round % 2 == 1;
        let mut input = if is_odd { passwords.clone() } else { digest.clone() };
        if round % 3 != 0 {
            input.extend_from_slice(&salts);
        }
        if round % 7 != 0 {
            input.extend_from_slice(&passwords);
        }
        input.extend_from_slice(if is_odd { &digest } else { &passwords });
        digest = sha512(&[&input]);
    }
    let salt = String::from_utf8_lossy(salt);
    format!("$6${salt}${}", encoded(&digest))
}

/// Writes a digest three bytes at a time, in the order that crypt has.
fn encoded(digest: &[u8]) -> String {
    let byte = |index: usize| u32::from(digest.get(index).copied().unwrap_or_default());
    let mut text = String::new();
    let mut push = |mut bits: u32, letters: usize| {
        for _ in 0..letters {
            let letter = ALPHABET.get((bits & 63) as usize).copied().unwrap_or(b'.');
            text.push(char::from(letter));
            bits >>= 6;
        }
    };
    // Each group takes the bytes 21 apart, and begins one place further round.
    let (mut a, mut b, mut c) = (0, 21, 42);
    for _ in 0..21 {
        push(byte(a) << 16 | byte(b) << 8 | byte(c), 4);
        (a, b, c) = (b + 1, c + 1, a + 1);
    }
    push(byte(63), 2);
    text
}

#[cfg(test)]
mod tests {
    use super::{hash, sha512_crypt};

    #[test]
    fn the_published_vectors_hold() {
        let hashed = sha512_crypt(b"Hello world!", b"saltstring");
        let expected = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4O\
                        TLiBFdcbYEdFCoEOfaS35inz1";
        assert_eq!(hashed, expected);
    }

    #[test]
    fn salts_differ() {
        assert_ne!(hash("a").expect("random bytes"), hash("a").expect("random bytes"));
    }
}
