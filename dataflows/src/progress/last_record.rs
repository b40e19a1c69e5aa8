//! The last record before a place in a partition: what shows later that the log up to there is still the one that was
//! read.
//!
//! A log may be cut and grow again with other records at the same offsets. A run that resumes after them would not
//! notice, since it does not read them again; so it reads this one again and compares it.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::log::batch::RecordSpan;

/// A record by what is known of it in every log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRecord {
    /// Its offset.
    pub offset: u64,
    /// XXH3-64 of its bytes, as far as a reader keeps them, their total length, and the log's own time of it.
    pub hash: u64,
    /// The epoch of the leader that has written it, in a topic. A topic that was cut and grew again has a later one
    /// from there on, even where a producer has sent the same bytes again.
    pub leader_epoch: Option<i32>,
}

impl LastRecord {
    /// The identity of a record.
    pub fn of(span: &RecordSpan, record: &[u8]) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&span.total_len.to_le_bytes());
        hash.update(&[u8::from(span.is_tombstone), u8::from(span.timestamp_ms.is_some())]);
        hash.update(&span.timestamp_ms.unwrap_or(0).to_le_bytes());
        hash.update(record);
        Self { offset: span.offset, hash: hash.digest(), leader_epoch: span.leader_epoch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_counts() {
        let span = RecordSpan {
            offset: 7,
            start: 0,
            len: 2,
            total_len: 2,
            timestamp_ms: Some(5),
            leader_epoch: Some(1),
            is_tombstone: false,
        };
        let record = LastRecord::of(&span, b"{}");
        assert_eq!(LastRecord::of(&RecordSpan { start: 90, ..span }, b"{}"), record, "wherever it is in a batch");
        let others = [
            (RecordSpan { offset: 8, ..span }, &b"{}"[..]),
            (span, b"[]"),
            (RecordSpan { total_len: 3, ..span }, b"{}"),
            (RecordSpan { timestamp_ms: Some(6), ..span }, b"{}"),
            (RecordSpan { timestamp_ms: None, ..span }, b"{}"),
            (RecordSpan { leader_epoch: Some(2), ..span }, b"{}"),
            (RecordSpan { is_tombstone: true, ..span }, b"{}"),
        ];
        for (span, bytes) in others {
            assert_ne!(LastRecord::of(&span, bytes), record, "{span:?}");
        }
    }
}
