//! Batches of raw records with their offsets: the interface between a log and the dataflow.

/// Records of one partition, ascending by offset, in one buffer. A reader refills it in place; there is no object per
/// record.
#[derive(Clone, Debug, Default)]
pub struct RecordBatch {
    /// The records' bytes. There may be other bytes (line ends) between them.
    pub bytes: Vec<u8>,
    /// Position of each record in `bytes`.
    pub records: Vec<RecordSpan>,
}

/// One record of a [`RecordBatch`].
#[derive(Clone, Copy, Debug)]
pub struct RecordSpan {
    /// Offset in the partition. Offsets ascend, and may have gaps.
    pub offset: u64,
    /// Where it starts in [`RecordBatch::bytes`].
    pub start: usize,
    /// Its length in the batch.
    pub len: usize,
    /// Its length in the log. More than `len` when a reader cut a record that is too large to be decoded.
    pub total_len: u64,
    /// The log's own timestamp in milliseconds, where the log has one.
    pub timestamp_ms: Option<i64>,
    /// The epoch of the leader that has written it, where the log has leaders.
    pub leader_epoch: Option<i32>,
    /// Whether the record has no value at all, which a log of lines cannot hold.
    pub is_tombstone: bool,
}

impl RecordBatch {
    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    /// Appends a whole record.
    pub fn push(&mut self, offset: u64, record: &[u8], timestamp_ms: Option<i64>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.records.push(RecordSpan {
            offset,
            start,
            len: record.len(),
            total_len: record.len() as u64,
            timestamp_ms,
            leader_epoch: None,
            is_tombstone: false,
        });
    }

    /// Appends a record without a value.
    pub fn push_tombstone(&mut self, offset: u64, timestamp_ms: Option<i64>) {
        let start = self.bytes.len();
        self.records.push(RecordSpan {
            offset,
            start,
            len: 0,
            total_len: 0,
            timestamp_ms,
            leader_epoch: None,
            is_tombstone: true,
        });
    }

    /// The bytes of one record.
    #[inline]
    pub fn record(&self, span: &RecordSpan) -> &[u8] {
        &self.bytes[span.start..span.start + span.len]
    }
}
