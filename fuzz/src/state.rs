//! Bytes of checkpoints: what is damaged is an error, and costs no more memory than its length can account for.

use dataflows::progress::positions::Positions;
use dataflows::state::codec::{self, VERSION};
use dataflows::state::snapshot::{SnapshotHeader, decode_memory, decode_shard};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::memory::within;

/// Memory that is allowed whatever the length: serde reserves up to 1 MiB for a list before it has seen its elements.
const BYTES: usize = 16 << 20;
/// Memory that is allowed for each byte: LZ4 stands for up to 255, and two copies are held for a moment.
const BYTES_PER_BYTE: usize = 1_024;

/// Checks one text of bytes: as it is, and as the body of an encoding that is not damaged.
pub fn check(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let whole = framed(body);
    within(BYTES + BYTES_PER_BYTE * data.len(), || {
        for bytes in [body, &whole] {
            match kind % 5 {
                0 => header(bytes),
                1 => shard(bytes),
                2 => memory(bytes),
                3 => packed(bytes),
                _ => positions(bytes),
            }
        }
    });
}

/// The encoding whose body this is.
fn framed(body: &[u8]) -> Vec<u8> {
    [&[VERSION], &(body.len() as u64).to_le_bytes()[..], &xxh3_64(body).to_le_bytes(), body].concat()
}

fn header(bytes: &[u8]) {
    if let Ok(header) = codec::decode::<SnapshotHeader>(bytes) {
        assert_eq!(codec::decode::<SnapshotHeader>(&codec::encode(&header).unwrap()).unwrap(), header);
    }
}

fn shard(bytes: &[u8]) {
    // As the only segment, and as one after itself.
    for segments in [&[bytes][..], &[bytes, bytes]] {
        let Ok(mut shard) = decode_shard(0, segments) else { continue };
        shard.mark_unsaved();
        encodes_to_itself(&shard.states, |bytes| {
            let mut again = decode_shard(0, &[bytes]).unwrap();
            again.mark_unsaved();
            again.states
        });
    }
}

fn memory(bytes: &[u8]) {
    if let Ok(memory) = decode_memory(bytes) {
        encodes_to_itself(&memory, |bytes| decode_memory(bytes).unwrap());
    }
}

fn packed(bytes: &[u8]) {
    if let Ok(unpacked) = codec::unpack(bytes) {
        assert!(unpacked.len() <= 255 * bytes.len());
    }
    assert_eq!(codec::unpack(&codec::pack(bytes)).unwrap(), bytes);
}

fn positions(bytes: &[u8]) {
    let Some(all) = std::str::from_utf8(bytes).ok().and_then(|text| Positions::decode_all(text).ok()) else { return };
    assert_eq!(Positions::decode_all(&Positions::encode_all(&all)).unwrap(), all);
}

/// What has no equality is equal by its bytes.
fn encodes_to_itself<V: Serialize>(value: &V, decode: impl Fn(&[u8]) -> V) {
    let encoded = codec::encode(value).unwrap();
    assert_eq!(codec::encode(&decode(&encoded)).unwrap(), encoded);
}
