//! One partition of a topic, from an explicit offset on.

use std::sync::Arc;

use dataflows::log::batch::{RecordBatch, RecordSpan};
use dataflows::log::reject::{ORIGINAL_BYTES_MAX, RECORD_BYTES_MAX};
use rdkafka::error::RDKafkaErrorCode as Code;
use tracing::warn;

use super::batch_reader::{Fetch, Taken};
use super::topic::Topic;
use super::topic_watch::TopicWatch;
use crate::log::{LogError, PartitionReader};

/// Reads one partition. Its client fetches ahead, within a bound, in threads of its own.
pub struct KafkaReader {
    topic: Arc<Topic>,
    watch: Arc<TopicWatch>,
    partition: u32,
    position: u64,
    fetch: Fetch,
    /// What ended the reading. It stays.
    ended: Option<Ended>,
}

/// Why a partition cannot be read any further.
#[derive(Clone, Debug)]
enum Ended {
    /// The log does not hold the next offset.
    Lost(String),
    /// The cluster refuses.
    Refused(String),
}

impl KafkaReader {
    /// Starts at `offset`, which must lie between the first offset and the end.
    pub(super) fn open(
        topic: Arc<Topic>,
        watch: Arc<TopicWatch>,
        partition: u32,
        offset: u64,
    ) -> Result<Self, LogError> {
        let (first, end) = topic.offsets(partition)?;
        if offset < first || offset > end {
            return Err(topic.lost(partition, offset, cause(offset, first)));
        }
        let client = topic.fetching_client()?;
        let fetch = Fetch::start(client, &topic.address.topic, partition as i32, offset as i64);
        let fetch = fetch.map_err(|error| topic.failed("cannot read", error.to_string()))?;
        Ok(Self { topic, watch, partition, position: offset, fetch, ended: None })
    }

    /// Looks at one message: a record goes into the batch, an error may end the reading.
    fn visit(message: &Taken<'_>, position: &mut u64, batch: &mut RecordBatch, partition: u32) -> Result<(), Ended> {
        let offset = u64::try_from(message.offset).unwrap_or(0);
        let Some(code) = message.error else {
            if offset < *position {
                return Err(Ended::Refused(format!(
                    "offset {offset} came after offset {}",
                    position.saturating_sub(1)
                )));
            }
            push(batch, offset, message);
            *position = offset + 1;
            return Ok(());
        };
        let text = || format!("{code} ({})", String::from_utf8_lossy(message.payload));
        match code {
            // Nothing but gaps lie between the last record and the end.
            Code::PartitionEOF => *position = offset.max(*position),
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => return Err(Ended::Lost(text())),
            // The guard asks the cluster, and knows whether the topic is gone or a broker only has forgotten it.
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId => {
                warn!(partition, error = text(), "the topic is not known at the moment");
            }
            Code::TopicAuthorizationFailed
            | Code::Fatal
            | Code::BadMessage
            | Code::BadCompression
            | Code::InvalidMessage
            | Code::MessageSizeTooLarge
            | Code::NotImplemented => return Err(Ended::Refused(text())),
            // The library tries again by itself.
            _ => warn!(partition, error = text(), "a fetch failed, another follows"),
        }
        Ok(())
    }

    fn error(&self, ended: &Ended) -> LogError {
        match ended {
            Ended::Lost(why) => self.topic.lost(self.partition, self.position, why.clone()),
            Ended::Refused(why) => {
                let (partition, offset) = (self.partition, self.position);
                self.topic.failed("cannot read", format!("partition {partition}, offset {offset}: {why}"))
            }
        }
    }
}

impl PartitionReader for KafkaReader {
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
        batch.clear();
        self.watch.check()?;
        let Self { fetch, position, ended, partition, .. } = self;
        while ended.is_none() {
            let taken = fetch.take(|message| {
                // Behind an error nothing counts.
                if ended.is_none() {
                    *ended = Self::visit(&message, position, batch, *partition).err();
                }
            });
            if taken == 0 || batch.bytes.len() >= bytes_max {
                break;
            }
        }
        match &self.ended {
            // What came before the error is handed over first.
            Some(ended) if batch.records.is_empty() => Err(self.error(ended)),
            _ => Ok(()),
        }
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn unread(&self) -> Option<u64> {
        Some(self.fetch.end()?.saturating_sub(self.position))
    }
}

/// Copies a record behind the others; of one that is too long to be decoded only what is kept of it.
#[inline]
fn push(batch: &mut RecordBatch, offset: u64, message: &Taken<'_>) {
    let start = batch.bytes.len();
    let total_len = message.payload.len();
    let len = if total_len > RECORD_BYTES_MAX { ORIGINAL_BYTES_MAX } else { total_len };
    batch.bytes.extend_from_slice(&message.payload[..len]);
    let timestamp_ms = message.timestamp_ms;
    batch.records.push(RecordSpan { offset, start, len, total_len: total_len as u64, timestamp_ms });
}

/// How an offset may have come to lie outside.
fn cause(offset: u64, first: u64) -> String {
    if offset < first {
        "retention has removed it unread: lengthen retention.ms, and work from what is left into a new store"
    } else {
        "the topic was cut or made again: its later records are gone"
    }
    .to_owned()
}
