//! Encoding of state: bincode after a version byte, a capped length and a checksum.
//!
//! Layout: version (1 byte), length of the body (8 bytes, little-endian), XXH3-64 of the body (8 bytes), body.

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Version of the encoding: raised with every change of the encoded types.
pub const VERSION: u8 = 10;
/// Maximum size of a body, and so of a shard, in bytes.
pub const BODY_BYTES_MAX: u64 = 1 << 30;

const HEADER_BYTES: usize = 17;

/// Bytes that do not decode.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The value is too large, or cannot be encoded.
    #[error("cannot encode the state")]
    Encode(#[source] bincode::Error),
    /// A sequence of another length than it said.
    #[error("a sequence has more or fewer values than it said: a bug")]
    Count,
    /// Written by another version of the program.
    #[error("unsupported state version {found}: this program reads version {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Truncated, or with trailing bytes.
    #[error("found {found} bytes of state, expected {wanted}")]
    Length {
        /// Bytes found.
        found: u64,
        /// Bytes written.
        wanted: u64,
    },
    /// Parts that do not fit together, or values that no program comes to.
    #[error("the state does not fit together: no program of this version wrote it")]
    Inconsistent,
    /// A byte was changed.
    #[error("checksum mismatch: the state was changed after it was written")]
    Checksum,
    /// Invalid compressed bytes.
    #[error("cannot decompress the state: {0}")]
    Packed(String),
    /// The checksum matches but the content does not decode.
    #[error("cannot decode the state although its checksum matches")]
    Decode(#[source] bincode::Error),
}

/// Without a limit, with which every value would be walked twice.
fn options() -> impl Options {
    bincode::DefaultOptions::new().with_fixint_encoding()
}

/// Encodes a value.
pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![0; HEADER_BYTES];
    options().serialize_into(&mut bytes, value).map_err(CodecError::Encode)?;
    let checksum = xxh3_64(&bytes[HEADER_BYTES..]);
    seal(bytes, checksum)
}

/// Encodes values one after the other; the whole decodes as a `Vec` of them. The checksum grows with it, so that no
/// work is left for the end.
pub struct SequenceEncoder {
    bytes: Vec<u8>,
    checksum: Xxh3,
    /// Values that are still to come.
    missing: u64,
}

impl SequenceEncoder {
    /// Of this many values.
    pub fn new(count: u64) -> Self {
        let count_bytes = count.to_le_bytes();
        let bytes = [&[0; HEADER_BYTES], &count_bytes[..]].concat();
        let mut checksum = Xxh3::new();
        checksum.update(&count_bytes);
        Self { bytes, checksum, missing: count }
    }

    /// Appends a value. Returns the number of its bytes.
    pub fn push(&mut self, value: &impl Serialize) -> Result<usize, CodecError> {
        let before = self.bytes.len();
        options().serialize_into(&mut self.bytes, value).map_err(CodecError::Encode)?;
        self.checksum.update(&self.bytes[before..]);
        self.missing = self.missing.checked_sub(1).ok_or(CodecError::Count)?;
        Ok(self.bytes.len() - before)
    }

    /// All of them.
    pub fn finish(self) -> Result<Vec<u8>, CodecError> {
        if self.missing > 0 {
            return Err(CodecError::Count);
        }
        seal(self.bytes, self.checksum.digest())
    }
}

/// Fills the header in front of a body.
fn seal(mut bytes: Vec<u8>, checksum: u64) -> Result<Vec<u8>, CodecError> {
    let body_len = (bytes.len() - HEADER_BYTES) as u64;
    if body_len > BODY_BYTES_MAX {
        return Err(CodecError::Encode(Box::new(bincode::ErrorKind::SizeLimit)));
    }
    bytes[0] = VERSION;
    bytes[1..9].copy_from_slice(&body_len.to_le_bytes());
    bytes[9..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// Decodes a value.
pub fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
    let found = bytes.len() as u64;
    let header: [u8; HEADER_BYTES] = bytes
        .get(..HEADER_BYTES)
        .and_then(|h| h.try_into().ok())
        .ok_or(CodecError::Length { found, wanted: HEADER_BYTES as u64 })?;
    if header[0] != VERSION {
        return Err(CodecError::Version { found: header[0] });
    }
    let word = |at: usize| header[at..at + 8].iter().rev().fold(0_u64, |n, &b| n << 8 | u64::from(b));
    let (body, wanted) = (&bytes[HEADER_BYTES..], word(1).saturating_add(HEADER_BYTES as u64));
    if found != wanted {
        return Err(CodecError::Length { found, wanted });
    }
    if xxh3_64(body) != word(9) {
        return Err(CodecError::Checksum);
    }
    options().with_limit(BODY_BYTES_MAX).deserialize(body).map_err(CodecError::Decode)
}

/// Compresses encoded bytes for the store. A separate step, so that a worker that encodes does not wait for it.
pub fn pack(encoded: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(encoded)
}

/// Undoes [`pack`]. Only [`decode`] checks the result.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, CodecError> {
    let (wanted, body) = lz4_flex::block::uncompressed_size(packed).map_err(|e| CodecError::Packed(e.to_string()))?;
    // A damaged length must not become an allocation: no byte of LZ4 stands for more than 255.
    let found = body.len() as u64;
    if wanted as u64 > found.saturating_mul(255) {
        return Err(CodecError::Length { found, wanted: wanted as u64 });
    }
    lz4_flex::block::decompress(body, wanted).map_err(|e| CodecError::Packed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_what_they_were() {
        let golden = [VERSION, 8, 0, 0, 0, 0, 0, 0, 0, 149, 24, 88, 166, 101, 156, 222, 251, 7, 0, 0, 0, 0, 0, 0, 0];
        let bytes = encode(&7_u64).unwrap();
        assert_eq!((bytes[0], &bytes[1..9], &bytes[17..]), (golden[0], &golden[1..9], &golden[17..]));
        assert_eq!(decode::<u64>(&bytes).unwrap(), 7);
    }

    #[test]
    fn a_sequence_is_encoded_as_a_vec_is() {
        let values = ["a", "bc", ""];
        let mut sequence = SequenceEncoder::new(3);
        assert_eq!(values.map(|value| sequence.push(&value).unwrap()), [9, 10, 8]);
        assert_eq!(sequence.finish().unwrap(), encode(&values.to_vec()).unwrap());
        assert!(matches!(SequenceEncoder::new(1).finish(), Err(CodecError::Count)));
        assert!(matches!(SequenceEncoder::new(0).push(&1), Err(CodecError::Count)));
        assert_eq!(SequenceEncoder::new(0).finish().unwrap(), encode(&Vec::<u8>::new()).unwrap());
    }

    #[test]
    fn packing_round_trips_and_detects_damage() {
        let encoded = encode(&vec![7_i128; 1_000]).unwrap();
        let packed = pack(&encoded);
        assert!(packed.len() * 10 < encoded.len(), "{} of {}", packed.len(), encoded.len());
        assert_eq!(unpack(&packed).unwrap(), encoded);
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x40;
            // Some bytes of LZ4 may be changed without changing what they stand for.
            let found = unpack(&damaged).and_then(|bytes| decode::<Vec<i128>>(&bytes));
            assert!(found.is_err() || found.is_ok_and(|values| values == [7; 1_000]), "byte {at}");
            assert!(unpack(&packed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn every_damage_is_found() {
        let bytes = encode(&("state".to_owned(), 5_i128)).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(decode::<(String, i128)>(&damaged).is_err(), "byte {at}, bit {bit}");
            }
            assert!(decode::<(String, i128)>(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(matches!(decode::<(String, i128)>(&[&bytes[..], &[0]].concat()), Err(CodecError::Length { .. })));
    }
}
