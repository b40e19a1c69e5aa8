//! A source's claim on a topic, so that of two processes that write as one source the older one ends.
//!
//! The claim is a transactional id of the source's own. Kafka knows one producer by it: when another process registers,
//! every later transaction of the older one fails with an error that says so (Kafka calls it fenced). Once a second the
//! holder commits a transaction that holds no record, only an offset of a group of the same name: how often it has done
//! that, and up to which time the log is complete. The next holder reads both.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tracing::{error, warn};

use super::address::KafkaAddress;
use super::config::{client_config, explain};
use super::context::Events;
use crate::log::LogError;

/// Interval of confirmations.
const CONFIRM_EVERY: Duration = Duration::from_secs(1);
/// A holder that confirms nothing for this long does not run.
const SILENT_AFTER: Duration = Duration::from_millis(2_500);
/// How long an older holder may take to notice and to stop taking trades.
const END_TIME: Duration = Duration::from_secs(3);
/// Pause before the first confirmation, while it is not known what to confirm.
const START_PAUSE: Duration = Duration::from_millis(10);
/// Pause before a request is repeated.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the cluster waits for the end of a transaction; a longer outage in the middle of one loses the claim.
const TRANSACTION_TIMEOUT_MS: u32 = 900_000;
/// The confirmation of a holder that has left.
const LEFT: u64 = 0;

/// A source's claim; it is given up when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Claim {
    state: Arc<State>,
    /// Unix time, in milliseconds, up to which the holder before has made the log complete; none if it has left in good
    /// order, or if there was none.
    pub before_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    is_lost: AtomicBool,
    complete_ms: AtomicU64,
    begun: AtomicU64,
    done: AtomicU64,
}

impl Claim {
    /// Claims the topic for this source. Blocks while an older holder may still be writing.
    pub fn take(address: &KafkaAddress, source: &str) -> Result<Self, LogError> {
        let id = format!("tickline-ingest.{}.{source}", address.topic);
        let failed = |error: KafkaError| LogError::Failed {
            path: address.to_string(),
            what: "cannot claim the source",
            why: format!(
                "{error}: check that the brokers are up, and that this user may use the transactional id and the \
                 consumer group {id}"
            ),
        };
        let group: BaseConsumer<Events> = with(address, "group.id", &id)?
            .create_with_context(Events::new(address))
            .map_err(|e| explain(address, &e))?;
        let metadata = group.group_metadata().ok_or_else(|| failed(KafkaError::Canceled))?;
        let mut config = with(address, "transactional.id", &id)?;
        config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS.to_string());
        config.set("message.timeout.ms", TRANSACTION_TIMEOUT_MS.to_string());
        let producer: BaseProducer = config.create().map_err(|error| explain(address, &error))?;
        let found = last(&group, &address.topic).map_err(failed)?;
        let mut is_running = false;
        if found.is_some_and(|(count, _)| count != LEFT) {
            thread::sleep(SILENT_AFTER);
            is_running = last(&group, &address.topic).map_err(failed)?.map(|now| now.0) != found.map(|was| was.0);
        }
        patiently(|| producer.init_transactions(TIMEOUT)).map_err(failed)?;
        if is_running {
            warn!(source = source, "another process writes as this source; waiting until it has ended");
            thread::sleep(END_TIME);
        }
        let before = last(&group, &address.topic).map_err(failed)?.filter(|(count, _)| *count != LEFT);
        let state = Arc::new(State::default());
        let count = found.map_or(LEFT, |(count, _)| count);
        let confirming = Confirming { producer, metadata, topic: address.topic.clone(), count };
        let watched = Arc::downgrade(&state);
        let thread = thread::Builder::new().name("kafka-claim".to_owned());
        thread.spawn(move || confirming.run(&watched)).map_err(|error| LogError::Failed {
            path: address.to_string(),
            what: "cannot start a thread",
            why: error.to_string(),
        })?;
        Ok(Self { state, before_ms: before.map(|(_, complete_ms)| complete_ms) })
    }

    /// Whether another process has taken the claim since.
    pub fn is_lost(&self) -> bool {
        self.state.is_lost.load(Ordering::Acquire)
    }

    /// The log is complete up to this Unix time, in milliseconds. Nothing is confirmed before the first call.
    pub fn complete(&self, complete_ms: u64) {
        self.state.complete_ms.store(complete_ms, Ordering::Release);
    }

    /// The number of confirmations begun so far; see [`Claim::is_confirmed_after`].
    pub fn confirmations(&self) -> u64 {
        self.state.begun.load(Ordering::Acquire)
    }

    /// Whether the claim was confirmed, or lost, by a confirmation that began after this number of them.
    pub fn is_confirmed_after(&self, number: u64) -> bool {
        self.is_lost() || self.state.done.load(Ordering::Acquire) > number
    }
}

/// Settings of a client with this name in the cluster.
fn with(address: &KafkaAddress, setting: &str, id: &str) -> Result<ClientConfig, LogError> {
    let mut config = client_config(address)?;
    config.set(setting, id);
    Ok(config)
}

/// The last confirmation, if there was any: its number, and up to which Unix time (ms) the log is complete.
fn last(group: &BaseConsumer<Events>, topic: &str) -> KafkaResult<Option<(u64, u64)>> {
    patiently(|| {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(topic, 0);
        let found = group.committed_offsets(wanted, TIMEOUT)?;
        let elements = found.elements();
        let Some(element) = elements.first() else { return Ok(None) };
        element.error()?;
        Ok(match element.offset() {
            Offset::Offset(count) => Some((count.unsigned_abs(), element.metadata().parse().unwrap_or(0))),
            _ => None,
        })
    })
}

/// Repeats a request for some time: a coordinator may be starting, or moving.
fn patiently<T>(request: impl Fn() -> KafkaResult<T>) -> KafkaResult<T> {
    let start = Instant::now();
    loop {
        match request() {
            Err(error) if !is_forbidden(&error) && !is_fatal(&error) && start.elapsed() < TIMEOUT => {
                thread::sleep(RETRY_PAUSE);
            }
            done => return done,
        }
    }
}

fn is_forbidden(error: &KafkaError) -> bool {
    let forbidden = [Code::GroupAuthorizationFailed, Code::TransactionalIdAuthorizationFailed];
    error.rdkafka_error_code().is_some_and(|code| forbidden.contains(&code))
}

/// Confirms a claim until it is dropped or lost.
struct Confirming {
    producer: BaseProducer,
    metadata: ConsumerGroupMetadata,
    topic: String,
    count: u64,
}

impl Confirming {
    fn run(mut self, watched: &Weak<State>) {
        let mut has_failed = false;
        while let Some(state) = watched.upgrade() {
            let complete_ms = state.complete_ms.load(Ordering::Acquire);
            if complete_ms == 0 {
                drop(state);
                thread::sleep(START_PAUSE);
                continue;
            }
            self.count += 1;
            let number = state.begun.fetch_add(1, Ordering::AcqRel) + 1;
            match self.confirm(self.count, complete_ms) {
                Ok(()) => {
                    state.done.store(number, Ordering::Release);
                    has_failed = false;
                }
                Err(error) if is_fatal(&error) => {
                    error!(%error, "another process has taken over this source");
                    return state.is_lost.store(true, Ordering::Release);
                }
                Err(error) => {
                    if !has_failed {
                        warn!(%error, "the claim of this source cannot be confirmed; retrying");
                    }
                    has_failed = true;
                    let _ = self.producer.abort_transaction(TIMEOUT);
                }
            }
            drop(state);
            thread::sleep(CONFIRM_EVERY);
        }
        let _ = self.confirm(LEFT, 0);
    }

    fn confirm(&self, count: u64, complete_ms: u64) -> KafkaResult<()> {
        let mut offsets = TopicPartitionList::new();
        let mut element = offsets.add_partition(&self.topic, 0);
        element.set_offset(Offset::Offset(i64::try_from(count).unwrap_or(i64::MAX)))?;
        element.set_metadata(complete_ms.to_string());
        self.producer.begin_transaction()?;
        until_done(|| self.producer.send_offsets_to_transaction(&offsets, &self.metadata, TIMEOUT))?;
        until_done(|| self.producer.commit_transaction(TIMEOUT))
    }
}

/// Repeats a request until it has succeeded or failed for good.
fn until_done(request: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
    loop {
        match request() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => thread::sleep(CONFIRM_EVERY),
            done => return done,
        }
    }
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}
