//! Numbers and names as bytes, and the checksum over them.

/// A word of the checksum, from eight bytes.
const WORD: usize = 8;

/// Returns a checksum of `bytes`, which depends on `seed`.
///
/// It notices damage and truncation; it keeps nobody from making bytes that fit.
pub(super) fn checksum(seed: &[u8], bytes: &[u8]) -> u64 {
    let mut sums: [u64; 4] = [
        0x9e37_79b9_7f4a_7c15,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        bytes.len() as u64 ^ 0x27d4_eb2f_1656_67c5,
    ];
    absorb(&mut sums, seed);
    absorb(&mut sums, bytes);
    let mut sum = 0;
    for lane in sums {
        sum = mixed(sum, lane);
    }
    sum
}

fn absorb(sums: &mut [u64; 4], bytes: &[u8]) {
    let mut blocks = bytes.chunks_exact(4 * WORD);
    for block in &mut blocks {
        for (sum, word) in sums.iter_mut().zip(block.chunks_exact(WORD)) {
            *sum = mixed(*sum, u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
    }
    for (sum, word) in sums.iter_mut().zip(blocks.remainder().chunks(WORD)) {
        let mut padded = [0; WORD];
        for (to, from) in padded.iter_mut().zip(word) {
            *to = *from;
        }
        *sum = mixed(*sum, u64::from_le_bytes(padded));
    }
}

#[inline(always)]
fn mixed(sum: u64, word: u64) -> u64 {
    // An odd factor and a rotation lose nothing: two words give two sums.
    (sum ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(31)
}

/// Bytes that grow.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
}

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Writes seven bits a byte, lowest first.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    /// Writes a number that is often near zero.
    pub(super) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }
}

/// Bytes that are read from the front; `None` where they do not go on as they must.
#[derive(Clone, Copy)]
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    pos: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8], pos: usize) -> Reader<'b> {
        Reader { bytes, pos }
    }

    /// Returns how many bytes have been read.
    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    #[inline(always)]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.pos)?;
        self.pos += 1;
        Some(byte)
    }

    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        self.long_number(first)
    }

    fn long_number(&mut self, first: u8) -> Option<u64> {
        let mut number = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    #[inline(always)]
    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    #[inline(always)]
    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    /// Reads how many of something follow, each of which takes a byte at least.
    #[inline(always)]
    pub(super) fn count(&mut self) -> Option<u32> {
        let count = self.small()?;
        (count as usize <= self.bytes.len() - self.pos).then_some(count)
    }

    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let len = self.count()? as usize;
        self.take(len)
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let end = self.pos.checked_add(len)?;
        let bytes = self.bytes.get(self.pos..end)?;
        self.pos = end;
        Some(bytes)
    }
}
