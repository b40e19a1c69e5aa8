//! One topic as it was when it was opened, and how its cluster is asked.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::address::KafkaAddress;
use super::batch_reader::{Description, describe};
use super::config::{client_config, explain};
use super::context::Told;
use crate::log::LogError;

/// Time for an answer of the cluster.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between two questions about a partition that has no leader for the moment.
const MOVING_PAUSE: Duration = Duration::from_millis(100);
/// What connections tell between two questions is a few lines a second.
const EVENTS_MAX: usize = 256;
/// Bytes of one partition that wait in memory to be read, and records of it.
const FETCHED_BYTES_MAX: usize = 16 << 20;
/// No bound on records: the bound on bytes is the one that counts.
const FETCHED_RECORDS_MAX: usize = 10_000_000;

/// A topic.
pub(super) struct Topic {
    /// Its address.
    pub address: KafkaAddress,
    /// What the cluster said of it when it was opened.
    pub opened: Description,
    /// For questions.
    pub client: BaseConsumer<Told>,
}

impl Topic {
    /// Opens a topic that is there.
    pub(super) fn open(address: &KafkaAddress) -> Result<Self, LogError> {
        let asking: BaseConsumer<Told> =
            client_config(address)?.create_with_context(Told::default()).map_err(|error| explain(address, &error))?;
        match describe(asking.client().native_client(), &address.topic, TIMEOUT) {
            Ok(opened) => Ok(Self { address: address.clone(), opened, client: asking }),
            Err(KafkaError::MetadataFetch(Code::UnknownTopicOrPartition)) => Err(LogError::Missing {
                path: address.to_string(),
                hint: "make the topic with `tickline setup` or kafka-setup-k8s.sh".to_owned(),
            }),
            Err(error) => Err(unanswered(address, &asking, &error)),
        }
    }

    /// Asks the cluster whether this is still the topic that was opened; says what is different.
    pub(super) fn changed(&self) -> Result<Option<LogError>, KafkaError> {
        let now = match describe(self.client.client().native_client(), &self.address.topic, TIMEOUT) {
            Ok(now) => now,
            Err(KafkaError::MetadataFetch(Code::UnknownTopicOrPartition)) => {
                return Ok(Some(self.replaced("none: the topic was deleted")));
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

    fn replaced(&self, is: &str) -> LogError {
        let hint = "the topic was deleted and perhaps made again: its old records are gone; keep the rows that are \
                    there, and work from the new topic into a new store";
        LogError::Replaced { path: self.name(), was: self.opened.id.clone(), is: is.to_owned(), hint }
    }

    /// Whether the topic is there.
    pub(super) fn exists(address: &KafkaAddress) -> Result<bool, LogError> {
        match Self::open(address) {
            Ok(_) => Ok(true),
            Err(LogError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A client that fetches one partition.
    pub(super) fn fetching_client(&self) -> Result<BaseConsumer<Told>, LogError> {
        let mut config: ClientConfig = client_config(&self.address)?;
        config
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("queued.min.messages", FETCHED_RECORDS_MAX.to_string())
            .set("queued.max.messages.kbytes", (FETCHED_BYTES_MAX / 1024).to_string())
            .set("fetch.message.max.bytes", (4 << 20).to_string())
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.error.backoff.ms", "100")
            // A broker that comes back is found soon.
            .set("topic.metadata.refresh.fast.interval.ms", "100");
        config.create_with_context(Told::default()).map_err(|error| explain(&self.address, &error))
    }

    /// The first offset that a partition holds, and one past its last.
    pub(super) fn offsets(&self, partition: u32) -> Result<(u64, u64), LogError> {
        if partition >= self.opened.partitions {
            let last = self.opened.partitions.saturating_sub(1);
            return Err(self.failed("cannot be asked", format!("it has partitions 0 to {last}, not {partition}")));
        }
        let start = Instant::now();
        loop {
            let error = match self.client.fetch_watermarks(&self.address.topic, partition as i32, TIMEOUT) {
                Ok((first, end)) => return Ok((u64::try_from(first).unwrap_or(0), u64::try_from(end).unwrap_or(0))),
                Err(error) => error,
            };
            if !is_moving(&error) || start.elapsed() > TIMEOUT {
                return Err(unanswered(&self.address, &self.client, &error));
            }
            std::thread::sleep(MOVING_PAUSE);
        }
    }

    /// How messages name it.
    pub(super) fn name(&self) -> String {
        self.address.to_string()
    }

    /// An error that concerns the topic.
    pub(super) fn failed(&self, what: &'static str, why: String) -> LogError {
        LogError::Failed { path: self.name(), what, why }
    }

    /// The loud error for an offset that is not there, or for a topic that is no longer the same.
    pub(super) fn lost(&self, partition: u32, wanted: u64, cause: String) -> LogError {
        if let Ok(Some(changed)) = self.changed() {
            return changed;
        }
        let (first, end) = self.offsets(partition).unwrap_or_default();
        LogError::OffsetLost { path: self.name(), partition, wanted, first, end, cause }
    }
}

/// Whether a partition has no leader for the moment, as after its creation or while a broker restarts.
fn is_moving(error: &KafkaError) -> bool {
    let moving = [Code::NotLeaderForPartition, Code::LeaderNotAvailable, Code::UnknownTopicOrPartition];
    error.rdkafka_error_code().is_some_and(|code| moving.contains(&code))
}

fn unanswered(address: &KafkaAddress, client: &BaseConsumer<Told>, error: &KafkaError) -> LogError {
    // Each call hands one thing that the connections had to tell to the context.
    (0..EVENTS_MAX).for_each(|_| drop(client.poll(Duration::ZERO)));
    let told = client.context().last_error().unwrap_or_else(|| error.to_string());
    let why = format!("{told}: are the brokers up, and are address and access right?");
    LogError::Failed { path: address.to_string(), what: "the cluster did not answer", why }
}
