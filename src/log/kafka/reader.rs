//! Reader of one partition of a topic, from an explicit offset.

use std::sync::Arc;

use dataflows::log::batch::{RecordBatch, RecordSpan};
use dataflows::log::reject::{ORIGINAL_BYTES_MAX, RECORD_BYTES_MAX};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode as Code;
use tracing::warn;

use super::batch_reader::{Fetch, Taken};
use super::context::Events;
use super::ended::Ended;
use super::topic::Topic;
use super::topic_id::Source;
use super::topic_watch::TopicWatch;
use crate::log::{LogError, PartitionReader};

/// Reader of one partition. Its client fetches ahead, within a bound, in its own threads.
pub struct KafkaReader {
    topic: Arc<Topic>,
    watch: Arc<TopicWatch>,
    partition: u32,
    position: u64,
    fetch: Fetch,
    /// The permanent error, if any.
    ended: Option<Ended>,
}

impl KafkaReader {
    /// Opens a reader at `offset`, which is between the first offset and the end offset.
    pub(super) fn open(
        topic: Arc<Topic>,
        watch: Arc<TopicWatch>,
        partition: u32,
        offset: u64,
    ) -> Result<Self, LogError> {
        let client = topic.fetching_client()?;
        let fetch = Fetch::start(client, &topic.address.topic, partition as i32, offset as i64);
        let fetch = fetch.map_err(|error| topic.failed("cannot read", error.to_string()))?;
        Ok(Self { topic, watch, partition, position: offset, fetch, ended: None })
    }

    /// Adds a record to the batch, or handles an error.
    fn visit(
        message: &Taken<'_>,
        position: &mut u64,
        batch: &mut RecordBatch,
        partition: u32,
        events: &Events,
    ) -> Result<(), Ended> {
        let offset = u64::try_from(message.offset).unwrap_or(0);
        let Some(code) = message.error else {
            if offset < *position {
                return Err(Ended::Failed(format!("offset {offset} came after offset {}", position.saturating_sub(1))));
            }
            push(batch, offset, message);
            *position = offset + 1;
            return Ok(());
        };
        let text = || format!("{code} ({})", String::from_utf8_lossy(message.payload));
        match code {
            // Only unused offsets are left before the end.
            Code::PartitionEOF => *position = offset.max(*position),
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => return Err(Ended::Lost(text())),
            // The checksum of a batch is wrong, or what it covers cannot be decompressed.
            Code::BadMessage | Code::BadCompression | Code::InvalidMessage => {
                return Err(Ended::Damaged(format!("offset {offset}: {}", text())));
            }
            // The topic watch queries the cluster to find out whether the topic was deleted or one broker lacks it for
            // now.
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId => {
                let error = text();
                if events.is_new(&error) {
                    warn!(partition, error, "a broker does not know the topic; retrying");
                }
            }
            Code::TopicAuthorizationFailed | Code::Fatal | Code::MessageSizeTooLarge | Code::NotImplemented => {
                return Err(Ended::Failed(text()));
            }
            // The library retries by itself.
            _ => {
                let error = text();
                if events.is_new(&error) {
                    warn!(partition, error, "fetch failed; retrying");
                }
            }
        }
        Ok(())
    }
}

impl PartitionReader for KafkaReader {
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
        batch.clear();
        self.watch.check()?;
        let Self { topic, fetch, position, ended, partition, .. } = self;
        let (events, start) = (topic.client.context(), *position);
        while ended.is_none() {
            let taken = fetch.take(|message| {
                // Messages after an error are ignored.
                if ended.is_none() {
                    *ended = Self::visit(&message, position, batch, *partition, events).err();
                }
            });
            if taken == 0 || batch.bytes.len() >= bytes_max {
                break;
            }
        }
        // In this order: what was logged before those records were fetched is known by now.
        fetch.serve();
        let other = match fetch.events().source(&topic.opened.id) {
            Source::Expected => None,
            Source::Another(id) => Some(Ended::Replaced(id)),
            Source::Unknown if batch.records.is_empty() => None,
            Source::Unknown => Some(Ended::Failed("the client has not logged which topic it reads".to_owned())),
        };
        if other.is_some() {
            // None of them is handed over: they may be another topic's.
            batch.clear();
            *position = start;
            *ended = other;
        }
        match &self.ended {
            // Records before the error are delivered first.
            Some(ended) if batch.records.is_empty() => Err(ended.error(&self.topic, self.partition, self.position)),
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

/// Appends a record to the batch; one that is too long to decode is truncated.
#[inline]
fn push(batch: &mut RecordBatch, offset: u64, message: &Taken<'_>) {
    let start = batch.bytes.len();
    let total_len = message.payload.len();
    let len = if total_len > RECORD_BYTES_MAX { ORIGINAL_BYTES_MAX } else { total_len };
    batch.bytes.extend_from_slice(&message.payload[..len]);
    let (timestamp_ms, leader_epoch) = (message.timestamp_ms, message.leader_epoch);
    let is_tombstone = message.is_null;
    let total_len = total_len as u64;
    batch.records.push(RecordSpan { offset, start, len, total_len, timestamp_ms, leader_epoch, is_tombstone });
}
