//! A topic as of its opening, and requests to its cluster.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::address::KafkaAddress;
use super::batch_reader::{Description, describe};
use super::config::{client_config, explain};
use super::context::{Events, LastError, is_denial};
use super::topic_id::DEBUG;
use crate::log::LogError;

/// Request timeout.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between requests for a partition that has no leader at the moment.
const MOVING_PAUSE: Duration = Duration::from_millis(100);
/// Maximum number of client events to process before an error is built.
const EVENTS_MAX: usize = 256;
/// Bytes that all clients of a topic together may hold unread, one client per partition.
const FETCHED_BYTES_MAX: usize = 64 << 20;
/// What a record costs in a client's queue, beside its own bytes.
const RECORD_COST_BYTES: usize = 640;
/// How much a compressed record grows in the client, its cost included: trades shrink to a fifth.
const FETCH_GROWTH: usize = 32;
/// Least bytes of a fetch. A larger batch of records is sent as a whole all the same.
const FETCH_BYTES_MIN: usize = 16 << 10;

/// A topic.
pub(super) struct Topic {
    /// The address.
    pub address: KafkaAddress,
    /// The description when it was opened.
    pub opened: Description,
    /// Client for requests about the topic.
    pub client: BaseConsumer<Events>,
}

impl Topic {
    /// Opens an existing topic.
    pub(super) fn open(address: &KafkaAddress) -> Result<Self, LogError> {
        let client: BaseConsumer<Events> = client_config(address)?
            .create_with_context(Events::new(address))
            .map_err(|error| explain(address, &error))?;
        // With credentials that the cluster does not accept the library would try until the timeout.
        let is_denied = || last_error(&client).is_some_and(|last| last.denied_since.is_some());
        match describe(client.client().native_client(), &address.topic, TIMEOUT, is_denied) {
            Ok(opened) => Ok(Self { address: address.clone(), opened, client }),
            Err(KafkaError::MetadataFetch(Code::UnknownTopicOrPartition)) => Err(LogError::Missing {
                path: address.to_string(),
                hint: "create the topic with `tickline setup` or kafka-setup-k8s.sh".to_owned(),
            }),
            Err(error) => Err(no_response(address, &client, &error)),
        }
    }

    /// Checks that the topic is still the one that was opened; returns the error that describes a change.
    pub(super) fn changed(&self) -> Result<Option<LogError>, KafkaError> {
        let now = match describe(self.client.client().native_client(), &self.address.topic, TIMEOUT, || false) {
            Ok(now) => now,
            Err(KafkaError::MetadataFetch(Code::UnknownTopicOrPartition)) => {
                return Ok(Some(self.replaced("no topic, because it was deleted")));
            }
            Err(error) => return Err(error),
        };
        let (was, is) = (self.opened.partitions, now.partitions);
        Ok(match () {
            () if now == self.opened => None,
            () if now.id == self.opened.id => Some(LogError::PartitionsChanged { path: self.name(), was, is }),
            () => Some(self.replaced(&now.id)),
        })
    }

    /// The error of a running client whose credentials the cluster rejects, for some time now.
    pub(super) fn denial(&self) -> Option<LogError> {
        last_error(&self.client)?;
        self.client.context().denial().map(|why| LogError::Denied { path: self.name(), why })
    }

    /// The error for another topic under the name.
    pub(super) fn replaced(&self, is: &str) -> LogError {
        let hint = "the topic was deleted, and perhaps created again: its old records are gone; keep the existing \
                    rows, and work from the new topic into a new store";
        LogError::Replaced { path: self.name(), was: self.opened.id.clone(), is: is.to_owned(), hint }
    }

    /// Whether the topic exists.
    pub(super) fn exists(address: &KafkaAddress) -> Result<bool, LogError> {
        match Self::open(address) {
            Ok(_) => Ok(true),
            Err(LogError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A new client to fetch one partition.
    pub(super) fn fetching_client(&self) -> Result<BaseConsumer<Events>, LogError> {
        let mut config: ClientConfig = client_config(&self.address)?;
        // Half of a partition's share for the queue, and half for the answer that comes while it is almost full.
        let half = FETCHED_BYTES_MAX / 2 / self.opened.partitions.max(1) as usize;
        let debug = config.get("debug").map_or(DEBUG.to_owned(), |debug| format!("{debug},{DEBUG}"));
        config
            .set_log_level(RDKafkaLogLevel::Debug)
            .set("debug", debug)
            .set("check.crcs", "true")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("queued.min.messages", (half / RECORD_COST_BYTES).max(1).to_string())
            .set("queued.max.messages.kbytes", (half / 1024).max(1).to_string())
            .set("fetch.message.max.bytes", (half / FETCH_GROWTH).max(FETCH_BYTES_MIN).to_string())
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.error.backoff.ms", "100")
            // Finds a restarted broker soon.
            .set("topic.metadata.refresh.fast.interval.ms", "100");
        config.create_with_context(Events::new(&self.address)).map_err(|error| explain(&self.address, &error))
    }

    /// First offset and end offset of a partition.
    pub(super) fn offsets(&self, partition: u32) -> Result<(u64, u64), LogError> {
        if partition >= self.opened.partitions {
            let last = self.opened.partitions.saturating_sub(1);
            return Err(
                self.failed("cannot read the offsets", format!("it has partitions 0 to {last}, not {partition}"))
            );
        }
        let start = Instant::now();
        loop {
            let error = match self.client.fetch_watermarks(&self.address.topic, partition as i32, TIMEOUT) {
                Ok((first, end)) => return Ok((u64::try_from(first).unwrap_or(0), u64::try_from(end).unwrap_or(0))),
                Err(error) => error,
            };
            if !is_moving(&error) || start.elapsed() > TIMEOUT {
                return Err(no_response(&self.address, &self.client, &error));
            }
            std::thread::sleep(MOVING_PAUSE);
        }
    }

    /// Fails if the partition does not hold this offset, nor ends with it.
    pub(super) fn check_offset(&self, partition: u32, offset: u64) -> Result<(), LogError> {
        let (first, end) = self.offsets(partition)?;
        let cause = match offset {
            _ if offset < first => {
                "retention has removed it unread: increase retention.ms, and work from the remaining records into a \
                 new store"
            }
            _ if offset > end => "the topic was truncated or created again: its later records are gone",
            _ => return Ok(()),
        };
        Err(self.lost(partition, offset, cause.to_owned()))
    }

    /// Name for messages.
    pub(super) fn name(&self) -> String {
        self.address.to_string()
    }

    /// An error of the whole topic.
    pub(super) fn failed(&self, what: &'static str, why: String) -> LogError {
        LogError::Failed { path: self.name(), what, why }
    }

    /// The error for an offset out of range, or for a topic that has changed.
    pub(super) fn lost(&self, partition: u32, wanted: u64, cause: String) -> LogError {
        if let Ok(Some(changed)) = self.changed() {
            return changed;
        }
        let (first, end) = self.offsets(partition).unwrap_or_default();
        LogError::OffsetLost { path: self.name(), partition, wanted, first, end, cause }
    }
}

/// Whether a partition has no leader at the moment, as after its creation or while a broker restarts.
fn is_moving(error: &KafkaError) -> bool {
    let moving = [Code::NotLeaderForPartition, Code::LeaderNotAvailable, Code::UnknownTopicOrPartition];
    error.rdkafka_error_code().is_some_and(|code| moving.contains(&code))
}

/// The last error of a client's connections.
fn last_error(client: &BaseConsumer<Events>) -> Option<LastError> {
    // Each call passes one event of the connections to the context.
    (0..EVENTS_MAX).for_each(|_| drop(client.poll(Duration::ZERO)));
    client.context().last_error()
}

fn no_response(address: &KafkaAddress, client: &BaseConsumer<Events>, error: &KafkaError) -> LogError {
    let (path, last) = (address.to_string(), last_error(client));
    if error.rdkafka_error_code().is_some_and(is_denial) {
        return LogError::Denied { path, why: error.to_string() };
    }
    match last {
        Some(LastError { reason: why, denied_since: Some(_) }) => LogError::Denied { path, why },
        last => {
            let reason = last.map_or_else(|| error.to_string(), |last| last.reason);
            let why = format!("{reason}: check that the brokers are up, and check the address and credentials");
            LogError::Failed { path, what: "no response from the cluster", why }
        }
    }
}
