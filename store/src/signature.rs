//! Signatures: whose word is taken for an object, and giving our own.
//!
//! Keys are texts `NAME:BASE64`, of the Ed25519 scheme; so are signatures.

use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::base64;

/// A secret key and its name.
pub struct SecretKey {
    name: String,
    pair: Ed25519KeyPair,
}

impl SecretKey {
    /// Reads a secret key from its file.
    ///
    /// # Errors
    ///
    /// What is wrong with it: a file that cannot be read, a text that is no key.
    pub fn read(path: &Path) -> Result<SecretKey, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("reading the secret key '{shown}': {error}"))?;
        Self::parse(text.trim_end()).map_err(|problem| format!("key file '{shown}': {problem}"))
    }

    /// Makes a pair of keys with a name; returns the text of the secret one and of the public one.
    ///
    /// # Errors
    ///
    /// When the machine has no randomness to give, or the name is none.
    pub fn generate(name: &str) -> Result<(String, String), &'static str> {
        if name.is_empty() || name.contains(':') {
            return Err("the name of a key is a text without colons");
        }
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| "there is no randomness")?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| "the seed is none")?;
        let public = pair.public_key().as_ref();
        let secret = [seed.as_slice(), public].concat();
        let text = |key: &[u8]| format!("{name}:{}", base64::encode(key));
        Ok((text(&secret), text(public)))
    }

    /// Reads a secret key: the seed and the public key, as one Base-64 text after the name.
    fn parse(text: &str) -> Result<SecretKey, &'static str> {
        let parts = text.split_once(':').filter(|(name, key)| !name.is_empty() && !key.is_empty());
        let (name, key) = parts.ok_or("key is corrupt")?;
        let bytes = base64::decode(key.as_bytes()).ok_or("key is corrupt")?;
        let halves = bytes.split_at_checked(32).filter(|(_, public)| public.len() == 32);
        let (seed, public) = halves.ok_or("secret key is not valid")?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public);
        let pair = pair.map_err(|_| "secret key is not valid")?;
        Ok(SecretKey { name: name.to_owned(), pair })
    }

    /// Returns the signature of a text.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        format!("{}:{}", self.name, base64::encode(signature.as_ref()))
    }
}

/// Whether a signature is that of one of the public keys for a text.
pub fn is_signed(text: &str, signature: &str, keys: &[String]) -> bool {
    let decoded = |text: &str| {
        let (name, value) = text.split_once(':')?;
        Some((name.to_owned(), base64::decode(value.as_bytes())?))
    };
    let Some((name, signature)) = decoded(signature) else { return false };
    keys.iter().filter_map(|key| decoded(key)).any(|(key_name, key)| {
        let key = UnparsedPublicKey::new(&ED25519, key);
        key_name == name && key.verify(text.as_bytes(), &signature).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{SecretKey, is_signed};

    /// Made by `nix-store --generate-binary-cache-key`.
    const SECRET: &str = "k-1:5wdv5j+6dgeEKtsHOzOgq33hwCII/wUc2QMbqG9xVMdEImo/cIzRnvifNflPvruzu3Q9\
                          JKuy5kQA+D/krfRr7Q==";
    const PUBLIC: &str = "k-1:RCJqP3CM0Z74nzX5T767s7t0PSSrsuZEAPg/5K30a+0=";
    /// The fingerprint of an object, and how CppNix 2.8 signed it.
    const TEXT: &str = "1;/nix/store/bw21qpdkrb9jsh44gkc3lrxl488qj3qx-signed;sha256:\
                        0hkbia1003qqh0r7fn03drzx5yaw7yp99xs7j6c7qsddnp1w7dpc;120;";
    const SIGNATURE: &str = "k-1:jyh8MIuvdB9GlBVL83eUVc0tuN/fiPqABguegdPkkvb4HaQDE7BoVvCNhJFq2NKV\
                             FXrbg+1wODtzjHHnDjvYCA==";

    #[test]
    fn what_a_secret_key_signs_the_public_key_confirms() {
        let key = SecretKey::parse(SECRET).expect("a good key");
        let signature = key.sign(TEXT);
        assert_eq!(signature, SIGNATURE);
        let keys = [PUBLIC.to_owned()];
        assert!(is_signed(TEXT, &signature, &keys));
        assert!(!is_signed("another", &signature, &keys));
        assert!(!is_signed(TEXT, &signature.replacen("k-1", "k-2", 1), &keys));
    }

    #[test]
    fn new_keys_fit_each_other() {
        let (secret, public) = SecretKey::generate("a-1").expect("there is randomness");
        let signature = SecretKey::parse(&secret).expect("a good key").sign(TEXT);
        assert!(is_signed(TEXT, &signature, &[public]));
        assert_ne!(SecretKey::generate("a-1").expect("there is randomness").0, secret);
    }

    #[test]
    fn damaged_keys_are_refused() {
        for bad in ["", "k-1", "k-1:", ":AAAA", "k-1:AAAA", "k-1:?"] {
            assert!(SecretKey::parse(bad).is_err(), "{bad}");
        }
    }
}
