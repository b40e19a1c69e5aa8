//! The codecs of record batches, each with a bound of what it may give.

use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;
use zstd::stream::raw::{Decoder as Zstd, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::get_frame_content_size;

/// Head of the framing that Java's Snappy library writes.
const XERIAL_MAGIC: &[u8] = b"\x82SNAPPY\0";
/// Length of that head: magic, version, and the oldest version that can read it.
const XERIAL_HEAD_LEN: usize = 16;
/// Head of an LZ4 frame.
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// How far back a block of LZ4 may refer.
const LZ4_WINDOW: usize = 64 << 10;
/// Set in the length of a block that is not compressed.
const LZ4_PLAIN: u32 = 1 << 31;
/// Least room that is made for the output of Zstandard at a time.
const ZSTD_ROOM: usize = 64 << 10;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// They are not.
    None,
    /// gzip.
    Gzip,
    /// Snappy, as one block, or framed as Java's library does.
    Snappy,
    /// LZ4, as a frame.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Codec {
    /// The codec in a batch's attributes; the number of one that is not known.
    pub const fn of(attributes: i16) -> Result<Self, u8> {
        match attributes & 7 {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Ok(Self::Snappy),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            other => Err(other as u8),
        }
    }
}

/// Compressed bytes that give nothing, or more than they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not what the codec writes.
    #[error("it cannot be decompressed: {0}")]
    Invalid(&'static str),
    /// The bytes give more than allowed.
    #[error("it would take more than {0} bytes uncompressed")]
    TooLarge(usize),
}

/// Decompresses batches, and keeps what that needs between them.
#[derive(Default)]
pub struct Decompressor {
    zstd: Option<Zstd<'static>>,
}

impl Decompressor {
    /// Appends what `input` stands for, at most `bytes_max` bytes. After an error, what was appended is meaningless.
    pub fn append(
        &mut self,
        codec: Codec,
        input: &[u8],
        out: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<(), CodecError> {
        let mut output = Output { start: out.len(), out, bytes_max };
        match codec {
            Codec::None => output.plain(input),
            Codec::Gzip => output.gzip(input),
            Codec::Snappy if input.starts_with(XERIAL_MAGIC) => output.xerial(input),
            Codec::Snappy => output.snappy(input),
            Codec::Lz4 => output.lz4(input),
            Codec::Zstd => {
                let decoder = match &mut self.zstd {
                    Some(decoder) => decoder,
                    none => none.insert(Zstd::new().map_err(|_| CodecError::Invalid("no memory for Zstandard"))?),
                };
                output.zstd(decoder, input)
            }
        }
    }
}

/// A buffer that is appended to, and the bound.
struct Output<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    bytes_max: usize,
}

impl Output<'_> {
    /// How many more bytes are allowed.
    fn left(&self) -> usize {
        (self.start + self.bytes_max).saturating_sub(self.out.len())
    }

    const fn too_large(&self) -> CodecError {
        CodecError::TooLarge(self.bytes_max)
    }

    fn plain(&mut self, input: &[u8]) -> Result<(), CodecError> {
        if input.len() > self.left() {
            return Err(self.too_large());
        }
        self.out.extend_from_slice(input);
        Ok(())
    }

    fn gzip(&mut self, input: &[u8]) -> Result<(), CodecError> {
        let left = self.left();
        let mut decoder = MultiGzDecoder::new(input).take(left as u64 + 1);
        match decoder.read_to_end(self.out) {
            Ok(len) if len > left => Err(self.too_large()),
            Ok(_) => Ok(()),
            Err(_) => Err(CodecError::Invalid("not gzip")),
        }
    }

    fn snappy(&mut self, input: &[u8]) -> Result<(), CodecError> {
        const BAD: CodecError = CodecError::Invalid("not Snappy");
        let len = snap::raw::decompress_len(input).map_err(|_| BAD)?;
        if len > self.left() {
            return Err(self.too_large());
        }
        let start = self.out.len();
        self.out.resize(start + len, 0);
        let written = snap::raw::Decoder::new().decompress(input, &mut self.out[start..]).map_err(|_| BAD)?;
        if written == len { Ok(()) } else { Err(BAD) }
    }

    fn xerial(&mut self, input: &[u8]) -> Result<(), CodecError> {
        const BAD: CodecError = CodecError::Invalid("not Snappy as Java frames it");
        let mut rest = input.get(XERIAL_HEAD_LEN..).ok_or(BAD)?;
        while !rest.is_empty() {
            let (len, after) = rest.split_first_chunk::<4>().ok_or(BAD)?;
            let len = u32::from_be_bytes(*len) as usize;
            let (block, after) = after.split_at_checked(len).ok_or(BAD)?;
            self.snappy(block)?;
            rest = after;
        }
        Ok(())
    }

    /// The frame's own checksums are not compared: the batch has one.
    fn lz4(&mut self, input: &[u8]) -> Result<(), CodecError> {
        const BAD: CodecError = CodecError::Invalid("not an LZ4 frame");
        let after = input.strip_prefix(&LZ4_MAGIC).ok_or(BAD)?;
        let (&[flags, descriptor], after) = after.split_first_chunk::<2>().ok_or(BAD)?;
        let (version, is_independent, has_block_sum) = (flags >> 6, flags & 0x20 != 0, flags & 0x10 != 0);
        let (has_len, has_sum, has_dictionary) = (flags & 0x08 != 0, flags & 0x04 != 0, flags & 0x01 != 0);
        let block_max = match descriptor >> 4 & 7 {
            size @ 4..=7 => 1_usize << (8 + 2 * size),
            _ => return Err(BAD),
        };
        if version != 1 || has_dictionary {
            return Err(BAD);
        }
        // The length of the content, and the header's checksum.
        let mut rest = after.get(if has_len { 9 } else { 1 }..).ok_or(BAD)?;
        let frame_start = self.out.len();
        loop {
            let (word, after) = rest.split_first_chunk::<4>().ok_or(BAD)?;
            let word = u32::from_le_bytes(*word);
            if word == 0 {
                let sum_len = if has_sum { 4 } else { 0 };
                return if after.len() == sum_len { Ok(()) } else { Err(BAD) };
            }
            let (block, after) = after.split_at_checked((word & !LZ4_PLAIN) as usize).ok_or(BAD)?;
            rest = if has_block_sum { after.get(4..).ok_or(BAD)? } else { after };
            if word & LZ4_PLAIN != 0 {
                self.plain(block)?;
            } else {
                self.lz4_block(block, block_max, if is_independent { self.out.len() } else { frame_start })?;
            }
        }
    }

    /// A block, which may refer to what was appended from `window_start` on.
    fn lz4_block(&mut self, block: &[u8], block_max: usize, window_start: usize) -> Result<(), CodecError> {
        let (start, room) = (self.out.len(), block_max.min(self.left()));
        self.out.resize(start + room, 0);
        let (before, into) = self.out.split_at_mut(start);
        let window = &before[window_start.max(start.saturating_sub(LZ4_WINDOW))..];
        let len = match window.is_empty() {
            true => lz4_flex::block::decompress_into(block, into),
            false => lz4_flex::block::decompress_into_with_dict(block, into, window),
        };
        match len {
            Ok(len) => {
                self.out.truncate(start + len);
                Ok(())
            }
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if room < block_max => Err(self.too_large()),
            Err(_) => Err(CodecError::Invalid("not a block of LZ4")),
        }
    }

    fn zstd(&mut self, decoder: &mut Zstd<'static>, input: &[u8]) -> Result<(), CodecError> {
        const BAD: CodecError = CodecError::Invalid("not Zstandard");
        decoder.reinit().map_err(|_| BAD)?;
        // With room for all of it the library decompresses in one pass.
        let known = get_frame_content_size(input).ok().flatten().and_then(|len| usize::try_from(len).ok());
        if known.is_some_and(|len| len > self.left()) {
            return Err(self.too_large());
        }
        self.out.reserve(known.unwrap_or(ZSTD_ROOM));
        let mut source = InBuffer::around(input);
        loop {
            let len = self.out.len();
            let hint = {
                let mut target = OutBuffer::around_pos(&mut *self.out, len);
                decoder.run(&mut source, &mut target).map_err(|_| BAD)?
            };
            if self.out.len() > self.start + self.bytes_max {
                return Err(self.too_large());
            }
            let is_read = source.pos() == input.len();
            match hint {
                0 if is_read => return Ok(()),
                // A frame ends here, and another one follows.
                0 => {}
                _ if is_read && self.out.len() < self.out.capacity() => return Err(BAD),
                _ => {}
            }
            if self.out.len() == self.out.capacity() {
                self.out.reserve(ZSTD_ROOM.min(self.left() + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// Every form that the codecs have.
    fn forms(plain: &[u8]) -> Vec<(Codec, Vec<u8>)> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain).unwrap();
        let snappy = snap::raw::Encoder::new().compress_vec(plain).unwrap();
        let mut xerial = [XERIAL_MAGIC, &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
        for chunk in plain.chunks(1_000) {
            let block = snap::raw::Encoder::new().compress_vec(chunk).unwrap();
            xerial.extend_from_slice(&(block.len() as u32).to_be_bytes());
            xerial.extend_from_slice(&block);
        }
        let mut streamed = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        streamed.write_all(plain).unwrap();
        let mut forms = vec![
            (Codec::None, plain.to_vec()),
            (Codec::Gzip, gzip.finish().unwrap()),
            (Codec::Snappy, snappy),
            (Codec::Snappy, xerial),
            (Codec::Zstd, zstd::bulk::compress(plain, 3).unwrap()),
            (Codec::Zstd, streamed.finish().unwrap()),
        ];
        use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
        for (mode, size) in [(BlockMode::Independent, BlockSize::Max64KB), (BlockMode::Linked, BlockSize::Max256KB)] {
            let info = FrameInfo::new().block_mode(mode).block_size(size);
            let info = info.block_checksums(mode == BlockMode::Linked).content_checksum(mode == BlockMode::Linked);
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(plain).unwrap();
            forms.push((Codec::Lz4, encoder.finish().unwrap()));
        }
        forms
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::collection::vec(prop::sample::select(vec!["{\"p\":1.5,", "\"s\":\"A\"}", "xyz", "\0"]), 0..9);
        (words, 0..20_000_usize, any::<u64>()).prop_map(|(words, times, seed)| {
            let mut text = words.concat().repeat(times / 20 + 1).into_bytes();
            text.extend(seed.to_le_bytes());
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_form_gives_what_was_compressed(plain in texts(), before in 0..9_usize) {
            let mut decompressor = Decompressor::default();
            for (codec, bytes) in forms(&plain) {
                let mut out = vec![7; before];
                prop_assert_eq!(decompressor.append(codec, &bytes, &mut out, plain.len()), Ok(()), "{:?}", codec);
                prop_assert_eq!(&out[before..], &plain, "{:?}", codec);
                prop_assert_eq!(&out[..before], &vec![7; before]);
                let mut out = Vec::new();
                let bound = plain.len() - 1;
                prop_assert_eq!(
                    decompressor.append(codec, &bytes, &mut out, bound), Err(CodecError::TooLarge(bound)), "{:?}", codec
                );
            }
        }

        #[test]
        fn mutated_bytes_stay_within_the_bound(plain in texts(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut decompressor = Decompressor::default();
            for (codec, mut bytes) in forms(&plain) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
                let mut out = Vec::new();
                if decompressor.append(codec, &bytes, &mut out, plain.len()).is_ok() {
                    prop_assert!(out.len() <= plain.len());
                }
                let mut out = Vec::new();
                let _ = decompressor.append(codec, &bytes[..at], &mut out, plain.len());
            }
        }
    }

    #[test]
    fn codecs_have_numbers() {
        assert_eq!(
            [0, 1, 2, 3, 4].map(Codec::of),
            [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd].map(Ok)
        );
        assert_eq!((Codec::of(0x20 | 3), Codec::of(5), Codec::of(-1)), (Ok(Codec::Lz4), Err(5), Err(7)));
    }
}
