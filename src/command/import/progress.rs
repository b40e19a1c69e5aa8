//! The control records that `import` writes in its own name.

use crate::log::{LogError, LogWriter};

/// Writes control records of one source.
#[derive(Debug)]
pub struct ProgressRecords {
    /// The source's name as JSON text.
    source: String,
}

impl ProgressRecords {
    /// For a source.
    pub fn new(source: &str) -> Self {
        Self { source: serde_json::Value::from(source).to_string() }
    }

    /// Promises that no trade with an event time before `event_ms` follows in the partition.
    pub fn progress(&self, writer: &mut dyn LogWriter, partition: u32, event_ms: u64) -> Result<(), LogError> {
        let record = format!(r#"{{"type":"progress","source":{},"event_ms":{event_ms}}}"#, self.source);
        writer.append(partition, None, record.as_bytes())
    }

    /// Leaves the partition, so that the source's promise holds nothing up any more.
    pub fn bye(&self, writer: &mut dyn LogWriter, partition: u32) -> Result<(), LogError> {
        writer.append(partition, None, format!(r#"{{"type":"bye","source":{}}}"#, self.source).as_bytes())
    }
}
