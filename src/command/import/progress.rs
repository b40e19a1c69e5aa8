//! The control records that `import` writes as a source.

use dataflows::log::control;

use crate::log::{LogError, LogWriter};

/// Writes control records of one source.
#[derive(Debug)]
pub struct ProgressRecords {
    source: String,
}

impl ProgressRecords {
    /// Control records of this source.
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned() }
    }

    /// Reports that no trade with an event time before `event_ms` follows in the partition.
    pub fn progress(&self, writer: &mut dyn LogWriter, partition: u32, event_ms: u64) -> Result<(), LogError> {
        writer.append(partition, None, &control::progress(&self.source, event_ms))
    }

    /// Leaves the partition, so that the source no longer holds back its frontier.
    pub fn bye(&self, writer: &mut dyn LogWriter, partition: u32) -> Result<(), LogError> {
        writer.append(partition, None, &control::bye(&self.source))
    }
}
