//! The one place where state becomes bytes and comes back: bincode behind a version byte, a length cap and a checksum.
//!
//! Layout: version (1 byte), length of the body (8 bytes, little-endian), XXH3-64 of the body (8 bytes), body.

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

/// Goes up with every change of what is encoded.
pub const VERSION: u8 = 2;
/// Longest body, in bytes: what a shard may hold at most.
pub const BODY_BYTES_MAX: u64 = 1 << 30;

const HEADER_BYTES: usize = 17;

/// Bytes that cannot be what was encoded.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The value is too large, or cannot be encoded.
    #[error("the state cannot be encoded")]
    Encode(#[source] bincode::Error),
    /// Written by another version of the program.
    #[error("version {found} is written there, this program reads version {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Cut short, or with something behind it.
    #[error("{found} bytes are there where {wanted} were written")]
    Length {
        /// Bytes found.
        found: u64,
        /// Bytes written.
        wanted: u64,
    },
    /// Some byte is not what was written.
    #[error("the checksum does not fit: the bytes were changed")]
    Checksum,
    /// Packed bytes that cannot be unpacked.
    #[error("the bytes cannot be unpacked: {0}")]
    Packed(String),
    /// The checksum fits but the content does not.
    #[error("the content cannot be decoded")]
    Decode(#[source] bincode::Error),
}

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_fixint_encoding().with_limit(BODY_BYTES_MAX)
}

/// Turns a value into bytes.
pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![0; HEADER_BYTES];
    options().serialize_into(&mut bytes, value).map_err(CodecError::Encode)?;
    let body_len = (bytes.len() - HEADER_BYTES) as u64;
    let checksum = xxh3_64(&bytes[HEADER_BYTES..]);
    bytes[0] = VERSION;
    bytes[1..9].copy_from_slice(&body_len.to_le_bytes());
    bytes[9..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// Turns bytes back into the value.
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
    options().deserialize(body).map_err(CodecError::Decode)
}

/// Makes encoded bytes smaller for the store. A step of its own, so that whoever encodes does not wait for it.
pub fn pack(encoded: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(encoded)
}

/// Undoes [`pack`]. What comes back is checked by [`decode`] alone.
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
        let golden = [2, 8, 0, 0, 0, 0, 0, 0, 0, 149, 24, 88, 166, 101, 156, 222, 251, 7, 0, 0, 0, 0, 0, 0, 0];
        let bytes = encode(&7_u64).unwrap();
        assert_eq!((bytes[0], &bytes[1..9], &bytes[17..]), (golden[0], &golden[1..9], &golden[17..]));
        assert_eq!(decode::<u64>(&bytes).unwrap(), 7);
    }

    #[test]
    fn what_was_packed_comes_back_and_damage_is_found() {
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
