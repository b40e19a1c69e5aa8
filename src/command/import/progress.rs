//! The control records that `import` writes as a source.

use crate::log::{LogError, LogWriter};

/// Writes control records of one source.
#[derive(Debug)]
pub struct ProgressRecords {
    /// The source's name as JSON text.
    source: String,
}

impl ProgressRecords {
    /// Records of this source.
    pub fn new(source: &str) -> Self {
        Self { source: serde_json::Value::from(source).to_string() }
    }

    /// Reports that no trade with an event time before `event_ms` follows in the partition.
    pub fn progress(&self, writer: &mut dyn LogWriter, partition: u32, event_ms: u64) -> Result<(), LogError> {
        let record = format!(r#"{{"type":"progress","source":{},"event_ms":{event_ms}}}"#, self.source);
        writer.append(partition, record.as_bytes())
    }

    /// Makes the source leave the partition, so that it no longer holds back the frontier.
    pub fn bye(&self, writer: &mut dyn LogWriter, partition: u32) -> Result<(), LogError> {
        writer.append(partition, format!(r#"{{"type":"bye","source":{}}}"#, self.source).as_bytes())
    }
}
