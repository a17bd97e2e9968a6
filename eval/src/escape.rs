//! Texts with escapes: what needs none is found and copied many bytes at a time.

/// How many bytes are looked at together.
const CHUNK: usize = 32;

/// Appends `text` to `out`, with what `escape` appends in place of each byte that is not plain.
#[inline(always)]
pub(crate) fn push_escaped(
    out: &mut Vec<u8>,
    text: &[u8],
    is_plain: impl Fn(u8) -> bool,
    escape: impl Fn(&mut Vec<u8>, u8),
) {
    for chunk in text.chunks(CHUNK) {
        // Without a branch for each byte.
        if chunk.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
            out.extend_from_slice(chunk);
            continue;
        }
        for &byte in chunk {
            if is_plain(byte) { out.push(byte) } else { escape(out, byte) }
        }
    }
}
