//! What is rejected: rows of the parts of a record, and trades that come before any frontier.

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::output::row::RejectedRow;

use super::{Partition, Record};

impl Partition<'_> {
    /// With the first frontier: what came before it is as on time as it was, and judged by it alone.
    pub(super) fn take_early(&mut self) {
        let Some(frontier) = self.frontier else { return };
        let far = self.settings.max_ahead_trade_ms as i64;
        for (record, index, draft) in std::mem::take(&mut self.early) {
            if draft.event_ms > frontier.saturating_add(far) {
                self.reject_as(record.offset, index, Reason::TooFarAhead, &draft.bytes);
            } else {
                self.accepted_trade(&record, index, draft, None);
            }
        }
    }

    pub(super) fn reject(&mut self, record: &Record, index: u32, reason: Reason) {
        self.reject_part(record, index, reason, &record.bytes.clone());
    }

    /// A part of a record. Of the one that is being read only the first parts have rows; those of earlier ones, which
    /// have waited, have their own.
    pub(super) fn reject_part(&mut self, record: &Record, index: u32, reason: Reason, bytes: &[u8]) {
        if self.reading != Some(record.offset) {
            return self.reject_as(record.offset, index, reason, bytes);
        }
        self.rejections.0 += 1;
        if self.rejections.0 > 256 {
            self.rejections.1 = self.rejections.1.or(Some(index));
            return self.count(self.frontier_step(), Counter::Rejected(reason));
        }
        self.reject_as(record.offset, index, reason, bytes);
    }

    pub(super) fn reject_as(&mut self, offset: u64, index: u32, reason: Reason, bytes: &[u8]) {
        let as_of = self.frontier_step();
        self.count(as_of, Counter::Rejected(reason));
        self.rejected.push(RejectedRow {
            partition: self.partition,
            offset,
            index,
            reason,
            original: bytes[..bytes.len().min(64 * 1024)].into(),
            original_bytes_total: bytes.len() as u64,
            as_of,
        });
    }
}
