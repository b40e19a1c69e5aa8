//! Appends to a topic, each record once: an idempotent producer that waits for all replicas.
//!
//! What waits in memory is bounded: `append` waits while there is no room. A record that the cluster does not take
//! within `message.timeout.ms` is given up and told as [`DeliveryReport::Lost`]; idempotence cannot cover that, so whoever
//! appends must record the hole.

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
use super::context::log;
use super::topic::Topic;
use crate::log::{DeliveryReport, LogError, LogWriter};

/// Default of `message.timeout.ms`: how long a record waits for a cluster that is away.
const MESSAGE_TIMEOUT_MS: u32 = 120_000;
/// Default of `queue.buffering.max.kbytes`.
const BUFFER_KBYTES_MAX: u32 = 65_536;
/// DeliveryReports that nobody has asked for yet; durable ones beyond this are not told. More than can be on their way, so that
/// nobody who asks now and then misses one.
const DELIVERY_REPORTS_MAX: usize = 1 << 21;
/// Between two looks whether there is room again.
const ROOM_PAUSE: Duration = Duration::from_millis(1);

/// Appends to a topic.
pub struct KafkaWriter {
    topic: Topic,
    producer: ThreadedProducer<Deliveries>,
    delivery_reports: Arc<DeliveryReports>,
    start: Instant,
}

/// What the library's thread tells.
struct DeliveryReports {
    start: Instant,
    told: Mutex<Vec<DeliveryReport>>,
    /// Somebody was told that records are given up, since the fates were asked for last.
    warned: AtomicBool,
}

struct Deliveries(Arc<DeliveryReports>);

impl ClientContext for Deliveries {
    fn log(&self, level: Level, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        warn!(%error, reason, "the connection to Kafka has a problem");
    }
}

impl ProducerContext for Deliveries {
    /// When it was appended: microseconds since the writer was opened.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, appended_us: usize) {
        let after = self.0.start.elapsed().saturating_sub(Duration::from_micros(appended_us as u64));
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let partition = |message: &BorrowedMessage<'_>| message.partition().cast_unsigned();
        match result {
            Ok(_) if told.len() >= DELIVERY_REPORTS_MAX => {}
            Ok(message) => told.push(DeliveryReport::Acknowledged { partition: partition(message), after }),
            Err((error, message)) => {
                // One line for all that are given up until somebody asks: a long outage must not flood the log.
                if !self.0.warned.swap(true, Ordering::Relaxed) {
                    warn!(%error, partition = partition(message), "records are given up");
                }
                told.push(DeliveryReport::Lost { partition: partition(message), after });
            }
        }
    }
}

impl KafkaWriter {
    /// Becomes a writer of a topic that exists.
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
            Arc::new(DeliveryReports { start, told: Mutex::default(), warned: AtomicBool::new(false) });
        let producer = config.create_with_context(Deliveries(Arc::clone(&delivery_reports)));
        let producer = producer.map_err(|error| explain(address, &error))?;
        Ok(Self { topic, producer, delivery_reports, start })
    }

    /// A producer that has lost its order or its rights cannot go on.
    fn alive(&self) -> Result<(), LogError> {
        match self.producer.client().fatal_error() {
            None => Ok(()),
            Some((code, why)) => Err(self.failed(format!("the producer has ended: {code}: {why}"))),
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
            return Err(self.failed("the record holds a line end".to_owned()));
        }
        if partition >= self.partitions() {
            return Err(self.failed(format!("it has no partition {partition}")));
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
                    self.alive()?;
                    entry = again;
                    std::thread::sleep(ROOM_PAUSE);
                }
                Err((error, _)) => return Err(self.failed(format!("partition {partition}: {error}"))),
            }
        }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        // The library's thread sends what waits within `linger.ms`.
        self.alive()
    }

    fn sync(&mut self) -> Result<(), LogError> {
        // Each record is acknowledged or given up within `message.timeout.ms`, so this ends.
        loop {
            match self.producer.flush(Duration::from_secs(1)) {
                Ok(()) => return self.alive(),
                Err(KafkaError::Flush(Code::OperationTimedOut)) => self.alive()?,
                Err(error) => return Err(self.failed(error.to_string())),
            }
        }
    }

    fn has_delivery_reports(&self) -> bool {
        true
    }

    fn delivery_reports(&mut self, tell: &mut dyn FnMut(DeliveryReport)) {
        let mut told = self.delivery_reports.told.lock().unwrap_or_else(PoisonError::into_inner);
        self.delivery_reports.warned.store(false, Ordering::Relaxed);
        told.drain(..).for_each(tell);
    }
}
