//! Writer of a topic: an idempotent producer that waits for all replicas, so that each record is appended once.
//!
//! A client that has lost partitions ([`LostPartitions`]) is replaced: what the cluster certainly does not have is sent
//! by the new one, in the same order, and the rest is lost.
//!
//! Memory is bounded: `append` blocks while the buffer is full. A record that the cluster does not acknowledge within
//! `message.timeout.ms` is reported as [`DeliveryReport::Lost`]; idempotence does not cover that, so the caller must
//! record the gap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};
use tracing::warn;

use super::address::KafkaAddress;
use super::config::{client_config, explain};
use super::context::Events;
use super::lost_partitions::LostPartitions;
use super::message_status::is_not_written;
use super::topic::Topic;
use crate::log::{DeliveryReport, LogError, LogWriter};

/// Default of `message.timeout.ms`: how long a record waits for an unreachable cluster.
const MESSAGE_TIMEOUT_MS: u32 = 120_000;
/// Default of `queue.buffering.max.kbytes`.
const BUFFER_KBYTES_MAX: u32 = 65_536;
/// Maximum number of pending delivery reports; acknowledgements beyond it are dropped. More than the records that can
/// be in flight, so a caller that takes them regularly misses none.
const DELIVERY_REPORTS_MAX: usize = 1 << 21;
/// A partition without an acknowledgement for this long, after it was without a leader, may be lost.
const LOST_AFTER: Duration = Duration::from_secs(5);
/// Timeout of the question whether all partitions have a leader again, and pause between two.
const LEADERS_TIMEOUT: Duration = Duration::from_secs(1);
/// A client that has written to a partition within this time is connected.
const CONNECTED_WITHIN: Duration = Duration::from_secs(3);
/// How long a client that is replaced may finish what it can.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a client that is replaced may take to give back its messages.
const PURGE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause while the buffer is full.
const ROOM_PAUSE: Duration = Duration::from_millis(1);

/// Writer of a topic.
pub struct KafkaWriter {
    topic: Topic,
    producer: ThreadedProducer<Deliveries>,
    delivery_reports: Arc<DeliveryReports>,
    start: Instant,
    /// When the leaders were last asked for.
    asked: Option<Instant>,
}

/// A record that a client gave back.
struct Returned {
    partition: u32,
    key: Option<Vec<u8>>,
    record: Vec<u8>,
    appended_us: usize,
}

/// Delivery reports from the library's thread.
struct DeliveryReports {
    start: Instant,
    pending: Mutex<Vec<DeliveryReport>>,
    /// Whether a lost record was logged since the reports were last taken.
    warned: AtomicBool,
    lost_partitions: LostPartitions,
    /// Filled while a client is replaced.
    returned: Mutex<Option<Vec<Returned>>>,
}

struct Deliveries {
    reports: Arc<DeliveryReports>,
    events: Events,
}

impl ClientContext for Deliveries {
    fn log(&self, level: Level, facility: &str, message: &str) {
        self.reports.lost_partitions.log(facility, message);
        self.events.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    /// Time of the append: microseconds since the writer was opened.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, appended_us: usize) {
        let after = self.reports.start.elapsed().saturating_sub(Duration::from_micros(appended_us as u64));
        let mut pending = self.reports.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let partition = |message: &BorrowedMessage<'_>| message.partition().cast_unsigned();
        match result {
            Ok(message) => {
                self.events.succeeded();
                self.reports.lost_partitions.acknowledged(partition(message));
                if pending.len() < DELIVERY_REPORTS_MAX {
                    pending.push(DeliveryReport::Acknowledged { partition: partition(message), after });
                }
            }
            Err((_, message)) if self.reports.takes_back(message, appended_us) => {}
            Err((error, message)) => {
                // One line until the reports are taken, so that a long outage does not flood the log.
                if !self.reports.warned.swap(true, Ordering::Relaxed) {
                    warn!(%error, partition = partition(message), "records lost: not acknowledged in time");
                }
                pending.push(DeliveryReport::Lost { partition: partition(message), after });
            }
        }
    }
}

impl DeliveryReports {
    /// Takes back a record of a client that is replaced, if the cluster certainly does not have it: it was appended
    /// after its partition was lost. The client's own word does not suffice: the answer to a later attempt to send
    /// a record says nothing of the earlier ones.
    fn takes_back(&self, message: &BorrowedMessage<'_>, appended_us: usize) -> bool {
        let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(returned) = returned.as_mut() else { return false };
        let partition = message.partition().cast_unsigned();
        let appended = self.start + Duration::from_micros(appended_us as u64);
        if !is_not_written(message) || !self.lost_partitions.was_lost_before(partition, appended) {
            return false;
        }
        returned.push(Returned {
            partition,
            key: message.key().map(<[u8]>::to_vec),
            record: message.payload().unwrap_or_default().to_vec(),
            appended_us,
        });
        true
    }
}

/// A client that writes to the topic.
fn producer(address: &KafkaAddress, reports: &Arc<DeliveryReports>) -> Result<ThreadedProducer<Deliveries>, LogError> {
    let mut config = client_config(address)?;
    let defaults = [
        ("message.timeout.ms", MESSAGE_TIMEOUT_MS),
        ("queue.buffering.max.kbytes", BUFFER_KBYTES_MAX),
        ("queue.buffering.max.messages", 1_000_000),
        ("linger.ms", 5),
        ("batch.size", 1 << 18),
    ];
    for (name, value) in defaults {
        if config.get(name).is_none() {
            config.set(name, value.to_string());
        }
    }
    if config.get("compression.type").is_none() && config.get("compression.codec").is_none() {
        config.set("compression.type", "lz4");
    }
    config.set("enable.idempotence", "true").set("acks", "all");
    let context = Deliveries { reports: Arc::clone(reports), events: Events::new(address) };
    config.create_with_context(context).map_err(|error| explain(address, &error))
}

impl KafkaWriter {
    /// Opens an existing topic for writing.
    pub fn open(address: &KafkaAddress) -> Result<Self, LogError> {
        Self::of(Topic::open(address)?)
    }

    fn of(topic: Topic) -> Result<Self, LogError> {
        let start = Instant::now();
        let delivery_reports = Arc::new(DeliveryReports {
            start,
            pending: Mutex::default(),
            warned: AtomicBool::new(false),
            lost_partitions: LostPartitions::default(),
            returned: Mutex::default(),
        });
        let producer = producer(&topic.address, &delivery_reports)?;
        Ok(Self { topic, producer, delivery_reports, start, asked: None })
    }

    /// Replaces the client if it has lost partitions that have a leader.
    fn replace_if_lost(&mut self) -> Result<(), LogError> {
        let lost = self.delivery_reports.lost_partitions.overdue(LOST_AFTER);
        if lost.is_empty() || self.asked.is_some_and(|asked| asked.elapsed() < LEADERS_TIMEOUT) {
            return Ok(());
        }
        // What waits for the others would be lost with the client: they are written first, once it is connected.
        let is_all = lost.len() == self.topic.opened.partitions as usize;
        if !is_all && !self.delivery_reports.lost_partitions.is_connected(CONNECTED_WITHIN) {
            return Ok(());
        }
        self.asked = Some(Instant::now());
        if self.have_leaders(&lost) { self.replace(&lost) } else { Ok(()) }
    }

    /// Whether another client knows a leader of each of these partitions.
    fn have_leaders(&self, partitions: &[u32]) -> bool {
        let Ok(metadata) = self.topic.client.fetch_metadata(Some(&self.topic.address.topic), LEADERS_TIMEOUT) else {
            return false;
        };
        let known = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let led = known.filter(|known| known.leader() >= 0 && known.error().is_none());
        let led: Vec<u32> = led.map(|known| known.id().cast_unsigned()).collect();
        partitions.iter().all(|partition| led.contains(partition))
    }

    fn replace(&mut self, lost: &[u32]) -> Result<(), LogError> {
        let replacement = producer(&self.topic.address, &self.delivery_reports)?;
        let set_returned = |value| {
            let mut returned = self.delivery_reports.returned.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *returned, value)
        };
        // The other partitions finish first. What is left then comes back by the delivery callback.
        let _ = self.producer.flush(FINISH_TIMEOUT);
        set_returned(Some(Vec::new()));
        self.producer.purge(PurgeConfig::default().queue().inflight());
        let purged = self.producer.flush(PURGE_TIMEOUT);
        let returned = set_returned(None).unwrap_or_default();
        purged.map_err(|error| self.failed(format!("the client cannot be replaced: {error}")))?;
        self.delivery_reports.lost_partitions.clear();
        self.producer = replacement;
        warn!(
            partitions = ?lost, records = returned.len(),
            "the Kafka client has lost partitions that have a leader; it was replaced, and records are sent again"
        );
        returned.into_iter().try_for_each(|returned| {
            let Returned { partition, key, record, appended_us } = returned;
            self.send(partition, key.as_deref(), &record, appended_us)
        })
    }

    /// Gives a record to the client. Blocks while its buffer is full.
    fn send(&mut self, partition: u32, key: Option<&[u8]>, record: &[u8], appended_us: usize) -> Result<(), LogError> {
        loop {
            let entry = BaseRecord::with_opaque_to(&self.topic.address.topic, appended_us);
            let entry = entry.partition(partition as i32).payload(record);
            match self.producer.send(match key {
                Some(key) => entry.key(key),
                None => entry,
            }) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), _)) => {
                    self.check_alive()?;
                    self.replace_if_lost()?;
                    std::thread::sleep(ROOM_PAUSE);
                }
                Err((error, _)) => return Err(self.failed(format!("partition {partition}: {error}"))),
            }
        }
    }

    /// Fails after a fatal error of the producer, such as lost order or access, and when the cluster rejects its
    /// credentials.
    fn check_alive(&self) -> Result<(), LogError> {
        if let Some(why) = self.producer.context().events.denial() {
            return Err(LogError::Denied { path: self.topic.name(), why });
        }
        match self.producer.client().fatal_error() {
            None => Ok(()),
            Some((code, why)) => Err(self.failed(format!("fatal producer error {code}: {why}"))),
        }
    }

    fn failed(&self, why: String) -> LogError {
        self.topic.failed("cannot append", why)
    }
}

impl LogWriter for KafkaWriter {
    fn partitions(&self) -> u32 {
        self.topic.opened.partitions
    }

    fn append(&mut self, partition: u32, key: Option<&[u8]>, record: &[u8]) -> Result<(), LogError> {
        if memchr::memchr(b'\n', record).is_some() {
            return Err(self.failed("the record contains a line end".to_owned()));
        }
        if partition >= self.partitions() {
            return Err(self.failed(format!("no partition {partition}")));
        }
        self.send(partition, key, record, self.start.elapsed().as_micros() as usize)
    }

    fn flush(&mut self) -> Result<(), LogError> {
        // The library's thread sends within `linger.ms`.
        self.check_alive()?;
        self.replace_if_lost()
    }

    fn sync(&mut self) -> Result<(), LogError> {
        // Each record is acknowledged or lost within `message.timeout.ms`, so this ends.
        loop {
            match self.producer.flush(Duration::from_secs(1)) {
                Ok(()) => return self.check_alive(),
                Err(KafkaError::Flush(Code::OperationTimedOut)) => LogWriter::flush(self)?,
                Err(error) => return Err(self.failed(error.to_string())),
            }
        }
    }

    fn has_delivery_reports(&self) -> bool {
        true
    }

    fn delivery_reports(&mut self, visit: &mut dyn FnMut(DeliveryReport)) {
        let mut pending = self.delivery_reports.pending.lock().unwrap_or_else(PoisonError::into_inner);
        self.delivery_reports.warned.store(false, Ordering::Relaxed);
        pending.drain(..).for_each(visit);
    }
}

#[cfg(test)]
mod tests;
