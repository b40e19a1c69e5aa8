//! The mirror: a log that gets every refused record too, for whoever watches a topic instead of a store.
//!
//! A record is there before the durable frontier passes it. Work that is done again after a crash mirrors again, so
//! a record may come twice or more: `log`, `partition`, `offset` and `index`, which are its key as well, tell that.

use dataflows::output::row::RejectedRow;
use serde::Serialize;

use super::RejectedObject;
use crate::log::address::LogAddress;
use crate::log::{LogError, LogWriter, sync_all};

/// Writes refused records to a log of their own.
pub struct Mirror {
    writer: Box<dyn LogWriter>,
    /// The log in which the records were refused.
    log: String,
    /// How messages name the mirror.
    name: String,
}

/// A record of the mirror. Its type keeps it from being taken for a trade.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    log: &'a str,
    #[serde(flatten)]
    refused: RejectedObject<'a>,
}

impl Mirror {
    /// Becomes the writer of a mirror of what is refused in the log `of`; one that is not there is made, with
    /// `partitions`.
    pub fn open(to: &LogAddress, of: &LogAddress, partitions: u32) -> Result<Self, LogError> {
        to.make(None, partitions)?;
        let log = match of {
            LogAddress::Dir(_) => of.to_string(),
            // By which broker it was reached is no part of its name.
            LogAddress::Kafka(address) => address.topic.clone(),
        };
        Ok(Self { writer: to.open_writer()?, log, name: to.to_string() })
    }

    /// Writes rows; they are durable when this returns. A row goes to the partition of its own number where the mirror
    /// has so many, so that there they stand in the order of the log.
    pub fn write(&mut self, rows: &[RejectedRow]) -> Result<(), LogError> {
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let record = Record { kind: "rejected", log: &self.log, refused: RejectedObject::of(row) };
            let record = serde_json::to_vec(&record).map_err(|e| self.failed(e.to_string()))?;
            let key = format!("{}/{}/{}/{}", self.log, row.partition, row.offset, row.index);
            let partition = row.partition % self.writer.partitions().max(1);
            self.writer.append(partition, Some(key.as_bytes()), &record)?;
        }
        sync_all(&mut *self.writer, &self.name)
    }

    fn failed(&self, why: String) -> LogError {
        LogError::Failed { path: self.name.clone(), what: "cannot mirror refused records", why }
    }
}
