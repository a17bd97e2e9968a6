//! Hashes of strings and files, and their notations.

use store::Hash;
use store::hash::{HashAlgorithm, HashFormat};

use crate::builtins;
use crate::builtins::argument::{Later, PathLike};
use crate::coerce::{plain_string, without_context};
use crate::error::{self, FrameKind, Result};
use crate::heap::{Attrs, Str, Value};
use crate::interpret::{Eval, Links};
use crate::realise;
use crate::source::Position;

builtins! {
    /// Returns the hash of the string `text` in hexadecimal.
    ///
    /// `algorithm` is `"md5"`, `"sha1"`, `"sha256"` or `"sha512"`.
    ///
    /// ```nix
    /// builtins.hashString "md5" ""  # => "d41d8cd98f00b204e9800998ecf8427e"
    /// builtins.hashString "x" ""    # error: unknown hash algorithm 'x'
    /// ```
    "hashString"(algorithm: Str<'h>, text: Later<'h, Str<'h>>) => hash_string;

    /// Returns the hash of the contents of the file `path` in hexadecimal.
    ///
    /// ```nix
    /// builtins.hashFile "md5" (builtins.toFile "x" "")  # => "d41d8cd98f00b204e9800998ecf8427e"
    /// ```
    "hashFile"(algorithm: Str<'h>, path: Later<'h, PathLike<'h>>) => hash_file;

    /// Returns a hash in another notation.
    ///
    /// `arguments` has the `hash` in any notation, its `hashAlgo` where the notation does not tell
    /// it, and `toHashFormat`: `"base16"`, `"nix32"`, `"base64"` or `"sri"`.
    ///
    /// ```nix
    /// builtins.convertHash {
    ///   hash = "d41d8cd98f00b204e9800998ecf8427e"; hashAlgo = "md5"; toHashFormat = "sri";
    /// }
    /// # => "md5-1B2M2Y8AsgTpgAmY7PhCfg=="
    /// ```
    "convertHash"(arguments: Attrs<'h>) => convert_hash;
}

fn hash_string<'h>(
    eval: &mut Eval<'h>,
    name: Str<'h>,
    text: Later<'h, Str<'h>>,
) -> Result<Value<'h>> {
    let algorithm = algorithm(eval, name)?;
    let text = text.take_now(eval, 1, "hashString")?;
    let digest = Hash::of(algorithm, text.bytes()).to_hex();
    Ok(Value::string_from(eval.heap(), digest.as_bytes()))
}

fn hash_file<'h>(
    eval: &mut Eval<'h>,
    name: Str<'h>,
    path: Later<'h, PathLike<'h>>,
) -> Result<Value<'h>> {
    let algorithm = algorithm(eval, name)?;
    let PathLike(path) = path.take_now(eval, 1, "hashFile")?;
    let contents = realise::look(eval, path, Links::All, |eval, path| eval.read_file(path))?;
    let digest = Hash::of(algorithm, &contents).to_hex();
    Ok(Value::string_from(eval.heap(), digest.as_bytes()))
}

fn convert_hash<'h>(eval: &mut Eval<'h>, arguments: Attrs<'h>) -> Result<Value<'h>> {
    let hash = required(eval, arguments, "hash")?;
    let algorithm = match optional(eval, arguments, "hashAlgo")? {
        Some(name) => Some(algorithm(eval, name)?),
        None => None,
    };
    let format = match required(eval, arguments, "toHashFormat")?.bytes() {
        b"base16" => HashFormat::Base16,
        b"nix32" => HashFormat::Base32,
        b"base32" => {
            let text = b"warning: \"base32\" is a deprecated alias for hash format \"nix32\".";
            eval.system().message(text);
            HashFormat::Base32
        }
        b"base64" => HashFormat::Base64,
        b"sri" => HashFormat::Sri,
        other => {
            return Err(error::other(format!(
                "unknown hash format '{}', expect 'base16', 'base32', 'base64', or 'sri'",
                String::from_utf8_lossy(other)
            )));
        }
    };
    let hash = Hash::parse(&hash.to_text(), algorithm).map_err(|error| error::store(&error))?;
    Ok(Value::string_from(eval.heap(), hash.digits(format).as_bytes()))
}

/// Returns the algorithm called `name`.
fn algorithm<'h>(eval: &Eval<'h>, name: Str<'h>) -> Result<HashAlgorithm> {
    let name = without_context(eval, name)?.to_text();
    match HashAlgorithm::parse(&name) {
        Some(HashAlgorithm::Blake3) if !eval.settings().has_feature("blake3-hashes") => {
            Err(error::feature_disabled("blake3-hashes"))
        }
        Some(algorithm) => Ok(algorithm),
        None => Err(error::usage(format!(
            "unknown hash algorithm '{name}', expect 'blake3', 'md5', 'sha1', 'sha256', or \
             'sha512'"
        ))),
    }
}

fn required<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &str) -> Result<Str<'h>> {
    optional(eval, attrs, name)?.ok_or_else(|| {
        let step = format!("while locating the attribute '{name}'");
        error::missing_attribute(name, Vec::new()).frame(Position::NONE, FrameKind::Evaluator, step)
    })
}

fn optional<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &str) -> Result<Option<Str<'h>>> {
    let Some(slot) = attrs.named(name.as_bytes()) else { return Ok(None) };
    let string = eval.force(slot).and_then(|value| plain_string(eval, value));
    string.map(Some).map_err(|error| {
        let step = format!("while evaluating the attribute '{name}'");
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })
}
