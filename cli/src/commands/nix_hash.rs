//! `nix-hash`: hashes of files and trees, and hashes written another way.

use crate::context::Context;
use crate::flags::{Flags, Word};
use crate::report::{Failure, Outcome, of_store};
use std::path::Path;
use store::hash::Hasher;
use store::nar::disk::DiskTree;
use store::nar::writer::{everything, write_nar};
use store::{Hash, HashAlgorithm, HashFormat, base32, hash};

/// What the command line said.
struct Line {
    algorithm: HashAlgorithm,
    format: HashFormat,
    is_flat: bool,
    truncates: bool,
    converts: bool,
    operands: Vec<String>,
}

/// Runs `nix-hash`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line {
        algorithm: HashAlgorithm::Md5,
        format: HashFormat::Base16,
        is_flat: false,
        truncates: false,
        converts: false,
        operands: Vec::new(),
    };
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(operand) => line.operands.push(operand),
            Word::Flag(flag) => take_flag(cx, &flag, &mut flags, &mut line)?,
        }
    }
    for operand in &line.operands {
        let shown =
            if line.converts { converted(&line, operand)? } else { hashed(&line, operand)? };
        cx.ui.line(shown)?;
    }
    Ok(())
}

fn take_flag(cx: &mut Context, flag: &str, flags: &mut Flags, line: &mut Line) -> Outcome {
    let format = |name: &str| match name {
        "16" => Some(HashFormat::Base16),
        "32" => Some(HashFormat::Base32),
        "64" => Some(HashFormat::Base64),
        _ => None,
    };
    match flag {
        "--flat" => line.is_flat = true,
        "--truncate" => line.truncates = true,
        "--sri" => line.format = HashFormat::Sri,
        "--to-sri" => (line.format, line.converts) = (HashFormat::Sri, true),
        "--type" => {
            let name = flags.own_value(flag)?;
            line.algorithm = HashAlgorithm::parse(&name)
                .ok_or_else(|| Failure::new(format!("unknown hash algorithm '{name}'")))?;
        }
        _ => {
            if let Some(format) = flag.strip_prefix("--base").and_then(format) {
                line.format = format;
            } else if let Some(format) = flag.strip_prefix("--to-base").and_then(format) {
                (line.format, line.converts) = (format, true);
            } else if !cx.settings.take_flag(cx.ui, flag, flags)? {
                return Err(flags.unknown(flag));
            }
        }
    }
    Ok(())
}

/// Writes a hash another way.
fn converted(line: &Line, text: &str) -> Outcome<String> {
    let hash = Hash::parse(text, Some(line.algorithm)).map_err(of_store)?;
    Ok(hash.digits(line.format))
}

/// Hashes a file's content, or the archive of what is at a path.
fn hashed(line: &Line, path: &str) -> Outcome<String> {
    let path = Path::new(path);
    let mut hasher = Hasher::new(line.algorithm);
    if line.is_flat {
        let reading = Failure::during(format!("reading '{}'", path.display()));
        let mut file = std::fs::File::open(path).map_err(reading)?;
        std::io::copy(&mut file, &mut hasher)?;
    } else {
        write_nar(&DiskTree, path, &mut everything, &mut hasher).map_err(of_store)?;
    }
    let hash = hasher.finish();
    if !line.truncates || line.algorithm.size() <= 20 {
        return Ok(hash.digits(line.format));
    }
    // What is cut to the size of a store path's hash no longer has an algorithm's size.
    let bytes = hash.compressed();
    match line.format {
        HashFormat::Base16 => Ok(hash::encode_hex(&bytes)),
        HashFormat::Base32 => Ok(base32::encode(&bytes)),
        HashFormat::Base64 | HashFormat::Sri => {
            Err(Failure::new("--truncate goes with --base16 and --base32 only"))
        }
    }
}
