//! Writer of a topic: an idempotent producer that waits for all replicas, so that each record is appended once.
//!
//! Memory is bounded: `append` blocks while the buffer is full. A record that the cluster does not acknowledge within
//! `message.timeout.ms` is reported as [`DeliveryReport::Lost`]; idempotence does not cover that, so the caller must
//! record the gap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tracing::warn;

use super::address::KafkaAddress;
use super::config::{client_config, explain};
use super::context::Events;
use super::topic::Topic;
use crate::log::{DeliveryReport, LogError, LogWriter};

/// Default of `message.timeout.ms`: how long a record waits for an unreachable cluster.
const MESSAGE_TIMEOUT_MS: u32 = 120_000;
/// Default of `queue.buffering.max.kbytes`.
const BUFFER_KBYTES_MAX: u32 = 65_536;
/// Maximum number of pending delivery reports; acknowledgements beyond it are dropped. More than the records that can
/// be in flight, so a caller that takes them regularly misses none.
const DELIVERY_REPORTS_MAX: usize = 1 << 21;
/// Pause while the buffer is full.
const ROOM_PAUSE: Duration = Duration::from_millis(1);

/// Writer of a topic.
pub struct KafkaWriter {
    topic: Topic,
    producer: ThreadedProducer<Deliveries>,
    delivery_reports: Arc<DeliveryReports>,
    start: Instant,
}

/// Delivery reports from the library's thread.
struct DeliveryReports {
    start: Instant,
    pending: Mutex<Vec<DeliveryReport>>,
    /// Whether a lost record was logged since the reports were last taken.
    warned: AtomicBool,
}

struct Deliveries {
    reports: Arc<DeliveryReports>,
    events: Events,
}

impl ClientContext for Deliveries {
    fn log(&self, level: Level, facility: &str, message: &str) {
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
                if pending.len() < DELIVERY_REPORTS_MAX {
                    pending.push(DeliveryReport::Acknowledged { partition: partition(message), after });
                }
            }
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

impl KafkaWriter {
    /// Opens an existing topic for writing.
    pub fn open(address: &KafkaAddress) -> Result<Self, LogError> {
        let topic = Topic::open(address)?;
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
        let start = Instant::now();
        let delivery_reports =
            Arc::new(DeliveryReports { start, pending: Mutex::default(), warned: AtomicBool::new(false) });
        let producer = config
            .create_with_context(Deliveries { reports: Arc::clone(&delivery_reports), events: Events::new(address) });
        let producer = producer.map_err(|error| explain(address, &error))?;
        Ok(Self { topic, producer, delivery_reports, start })
    }

    /// Fails after a fatal error of the producer, such as lost order or access.
    fn check_alive(&self) -> Result<(), LogError> {
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
        let appended_us = self.start.elapsed().as_micros() as usize;
        let mut entry = BaseRecord::with_opaque_to(&self.topic.address.topic, appended_us)
            .partition(partition as i32)
            .payload(record);
        if let Some(key) = key {
            entry = entry.key(key);
        }
        loop {
            match self.producer.send(entry) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), again)) => {
                    self.check_alive()?;
                    entry = again;
                    std::thread::sleep(ROOM_PAUSE);
                }
                Err((error, _)) => return Err(self.failed(format!("partition {partition}: {error}"))),
            }
        }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        // The library's thread sends within `linger.ms`.
        self.check_alive()
    }

    fn sync(&mut self) -> Result<(), LogError> {
        // Each record is acknowledged or lost within `message.timeout.ms`, so this ends.
        loop {
            match self.producer.flush(Duration::from_secs(1)) {
                Ok(()) => return self.check_alive(),
                Err(KafkaError::Flush(Code::OperationTimedOut)) => self.check_alive()?,
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
