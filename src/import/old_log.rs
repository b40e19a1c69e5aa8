//! Another log as an input: its trades, gaps and invalid records, in the order of its partitions.
//!
//! Its progress, and who has left, hold for that log's order alone: they are written again.

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;

use super::ImportError;
use super::records::Collector;
use crate::log::{Log, read_to_end};

/// Reads the present contents of a log.
pub fn read(log: &dyn Log, collector: &mut Collector) -> Result<(), ImportError> {
    collector.begin(&log.name(), format!("a log of {} partitions", log.partitions()));
    for partition in 0..log.partitions() {
        collector.next_part();
        read_to_end(log, partition, log.first_offset(partition)?, |span, record| {
            if span.total_len > span.len as u64 {
                let input = format!("{}, partition {partition}, offset {}", log.name(), span.offset);
                let why = format!("cannot copy a record of {} bytes: it is too long", span.total_len);
                return Err(ImportError::Open { input, why });
            }
            if is_of_source(record) { Ok(()) } else { collector.raw(span.offset, record) }
        })?;
    }
    collector.end()
}

/// Whether a record is about a source, and not about trades.
fn is_of_source(record: &[u8]) -> bool {
    struct Kind(bool);
    impl Visitor for Kind {
        fn trade(&mut self, _: u32, _: &RawTrade<'_>) {}

        fn reject(&mut self, _: u32, _: Reason, _: &[u8]) {}

        fn control(&mut self, control: Control<'_>) {
            self.0 = !matches!(control, Control::Gap { .. });
        }
    }
    let mut kind = Kind(false);
    decode(record, record.len() as u64, &mut kind);
    kind.0
}
