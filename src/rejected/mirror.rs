//! The mirror: a log that receives every rejected record too, for consumers of a topic.
//!
//! A rejected record is in the mirror before the durable frontier passes it. Work repeated after a crash is mirrored
//! again, so a record may appear more than once: `log`, `partition`, `offset` and `index`, which are also its key,
//! identify it.

use dataflows::output::row::RejectedRow;
use serde::Serialize;

use super::RejectedObject;
use crate::log::address::LogAddress;
use crate::log::{LogError, LogWriter, sync_all};

/// Writer of rejected records to the mirror.
pub struct Mirror {
    writer: Box<dyn LogWriter>,
    /// The log that contains the rejected records.
    log: String,
    /// Name of the mirror for messages.
    name: String,
}

/// A record of the mirror. Its type distinguishes it from a trade.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    log: &'a str,
    #[serde(flatten)]
    rejected: RejectedObject<'a>,
}

impl Mirror {
    /// Opens the mirror `to` of the rejected records of the log `of`. A mirror that does not exist is created with
    /// `partitions`.
    pub fn open(to: &LogAddress, of: &LogAddress, partitions: u32) -> Result<Self, LogError> {
        to.open_or_create(None, partitions)?;
        let log = match of {
            LogAddress::Dir(_) => of.to_string(),
            // The brokers are not part of the log's name.
            LogAddress::Kafka(address) => address.topic.clone(),
        };
        Ok(Self { writer: to.open_writer()?, log, name: to.to_string() })
    }

    /// Writes rows durably. A row goes to the partition of the same number if the mirror has as many partitions, so
    /// that the rows are in the order of the log.
    pub fn write(&mut self, rows: &[RejectedRow]) -> Result<(), LogError> {
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let record = Record { kind: "rejected", log: &self.log, rejected: RejectedObject::of(row) };
            let record = serde_json::to_vec(&record).map_err(|e| self.failed(e.to_string()))?;
            let key = format!("{}/{}/{}/{}", self.log, row.partition, row.offset, row.index);
            let partition = row.partition % self.writer.partitions().max(1);
            self.writer.append(partition, Some(key.as_bytes()), &record)?;
        }
        sync_all(&mut *self.writer, &self.name)
    }

    fn failed(&self, why: String) -> LogError {
        LogError::Failed { path: self.name.clone(), what: "cannot mirror rejected records", why }
    }
}
