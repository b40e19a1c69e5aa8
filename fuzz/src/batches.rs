//! Batches of records as a Kafka broker sends them: what is damaged is an error, and costs no more memory than allowed.

use dataflows::log::batch::RecordBatch;
use tickline::log::kafka::bulk::walk::{Aborted, HEADER_LEN, Header, Walk};

use crate::memory::within;

/// Bytes that a batch may take uncompressed.
const BYTES_MAX: usize = 1 << 20;
/// Memory that is allowed whatever the length: the output, doubled as it grows, and the codecs' windows.
const BYTES: usize = 32 << 20;
/// Memory that is allowed for each byte: a span for each record.
const BYTES_PER_BYTE: usize = 64;
/// Where the checksum is, and where the bytes that it covers begin.
const CRC: std::ops::Range<usize> = 17..21;

/// Checks one answer: as it is, and with the length and the checksum that its first batch should have.
pub fn check(data: &[u8]) {
    let Some((position, bytes)) = data.split_first() else { return };
    let (position, whole) = (u64::from(*position), framed(bytes));
    within(BYTES + BYTES_PER_BYTE * data.len(), || {
        walk(position, bytes);
        walk(position, &whole);
    });
}

/// The batch that has these bytes.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut whole = bytes.to_vec();
    if whole.len() >= HEADER_LEN {
        let len = whole.len() as u32 - 12;
        whole[8..12].copy_from_slice(&len.to_be_bytes());
        whole[16] = 2;
        let sum = crc32c::crc32c(&whole[CRC.end..]);
        whole[CRC].copy_from_slice(&sum.to_be_bytes());
    }
    whole
}

fn walk(from: u64, bytes: &[u8]) {
    let mut walk = Walk::new(from, BYTES_MAX);
    walk.begin(vec![Aborted { producer_id: 1, first_offset: 0 }, Aborted { producer_id: 2, first_offset: 9 }]);
    let (mut rest, mut out, mut next) = (bytes, RecordBatch::default(), from);
    loop {
        let (position, records, len) = (walk.position(), out.records.len(), out.bytes.len());
        let Ok(Some(taken)) = walk.next(rest, &mut out) else {
            assert_eq!((walk.position(), out.records.len(), out.bytes.len()), (position, records, len));
            return;
        };
        let header = Header::parse(rest).unwrap().unwrap();
        assert_eq!((header.len, header.end_from(position).unwrap()), (taken, walk.position()));
        for span in &out.records[records..] {
            assert!(span.offset >= next && span.offset < walk.position(), "{span:?} after {next}");
            assert!(span.start >= len && out.record(span).len() as u64 <= span.total_len);
            next = span.offset + 1;
        }
        assert!(out.bytes.len() - len <= BYTES_MAX && walk.position() > position);
        rest = &rest[taken..];
    }
}
