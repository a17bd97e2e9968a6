//! Compressed bytes to plain ones, by how they begin or by the name of the format.

use std::io::{self, BufRead, BufReader, Read};

use brotli_decompressor::Decompressor;
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::Stream;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// How many bytes are read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// How much memory a decoder of LZMA may take, in bytes.
const LZMA_MEMORY_BYTES: u64 = 2 << 30;
/// The largest window of Zstandard: what its own program takes with `--long`, in bytes.
const WINDOW_MAX_BYTES: u64 = 128 << 20;

/// A format of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Bzip2,
    Xz,
    /// The formats before xz: `.lzma` and `.lz`.
    Lzma,
    Zstd,
    Brotli,
}

impl Compression {
    /// Returns the format of bytes that begin so; Brotli's have no sign.
    pub(super) fn of_start(start: &[u8]) -> Compression {
        const SIGNS: [(&[u8], Compression); 6] = [
            (b"\x1f\x8b", Compression::Gzip),
            (b"BZh", Compression::Bzip2),
            (b"\xfd7zXZ\0", Compression::Xz),
            (b"\x5d\0\0", Compression::Lzma),
            (b"LZIP", Compression::Lzma),
            (b"\x28\xb5\x2f\xfd", Compression::Zstd),
        ];
        let found = SIGNS.iter().find(|(sign, _)| start.starts_with(sign));
        found.map_or(Compression::None, |(_, compression)| *compression)
    }

    /// Returns the format that caches of archives call `name`.
    pub(super) fn named(name: &str) -> Option<Compression> {
        match name {
            "none" | "" => Some(Compression::None),
            "gzip" => Some(Compression::Gzip),
            "bzip2" => Some(Compression::Bzip2),
            "xz" => Some(Compression::Xz),
            "lzma" | "lzip" => Some(Compression::Lzma),
            "zstd" => Some(Compression::Zstd),
            "br" => Some(Compression::Brotli),
            _ => None,
        }
    }

    /// Returns what `bytes`, which are compressed so, stand for.
    ///
    /// # Errors
    ///
    /// When no decoder can be made.
    pub(super) fn reader<'r>(self, bytes: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
        let bytes = BufReader::with_capacity(BUFFER_BYTES, bytes);
        Ok(match self {
            Compression::None => Box::new(bytes),
            Compression::Gzip => Box::new(MultiGzDecoder::new(bytes)),
            Compression::Bzip2 => Box::new(MultiBzDecoder::new(bytes)),
            Compression::Xz => Box::new(XzDecoder::new_multi_decoder(bytes)),
            Compression::Lzma => {
                let stream = Stream::new_auto_decoder(LZMA_MEMORY_BYTES, 0)?;
                Box::new(XzDecoder::new_stream(bytes, stream))
            }
            Compression::Zstd => Box::new(Frames::new(bytes)),
            Compression::Brotli => Box::new(Decompressor::new(bytes, BUFFER_BYTES)),
        })
    }
}

/// The frames of Zstandard, one after the other.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_MAX_BYTES);
        Self { source, decoder }
    }

    /// Begins the next frame, or passes over one without contents.
    fn advance(&mut self) -> io::Result<()> {
        match self.decoder.init(&mut self.source) {
            Ok(()) => Ok(()),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut (&mut self.source).take(length), &mut io::sink())?;
                if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Checks the frame that is over, if it has a checksum.
    fn check(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(told), Some(found)) if told != found => {
                Err(io::Error::other("the checksum of a frame is wrong"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if !self.decoder.is_finished() {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.source, blocks);
                decoded.map_err(io::Error::other)?;
                continue;
            }
            self.check()?;
            if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.advance()?;
        }
    }
}
