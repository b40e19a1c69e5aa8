//! Keeps watch that the topic stays the one that was opened: not deleted, not made again, no partitions added.
//!
//! Kafka's consumers do not notice when a topic is deleted and created again under its name, nor when partitions are
//! added. Both would give rows that no replay gives, so a thread asks the cluster every few seconds, and what it finds
//! stays: every read from then on fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rdkafka::client::NativeClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::warn;

use super::context::Told;
use super::raw::{Description, describe};
use crate::log::LogError;

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// Time for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What was found, and whether to go on asking.
#[derive(Debug, Default)]
pub(super) struct Guard {
    changed: AtomicBool,
    now: Mutex<Option<Change>>,
}

/// How a topic changed.
#[derive(Clone, Debug)]
enum Change {
    Gone,
    Is(Description),
}

impl Guard {
    /// Starts to watch, until nobody holds the guard any more.
    pub(super) fn start(
        client: Arc<BaseConsumer<Told>>,
        topic: String,
        opened: Description,
    ) -> std::io::Result<Arc<Self>> {
        let guard = Arc::new(Self::default());
        let watched = Arc::downgrade(&guard);
        thread::Builder::new().name("kafka-topic".to_owned()).spawn(move || {
            loop {
                thread::park_timeout(ASK_EVERY);
                let Some(guard) = watched.upgrade() else { return };
                match changed(client.client().native_client(), &topic, &opened) {
                    Ok(None) => {}
                    Ok(Some(change)) => return guard.note(change),
                    // Readers go on meanwhile: a broker that is away changes nothing.
                    Err(error) => warn!(%error, topic, "the topic could not be checked"),
                }
            }
        })?;
        Ok(guard)
    }

    fn note(&self, change: Change) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
        self.changed.store(true, Ordering::Release);
    }

    /// Fails from the moment on that a change was found.
    #[inline]
    pub(super) fn check(&self, path: &str, opened: &Description) -> Result<(), LogError> {
        if !self.changed.load(Ordering::Acquire) {
            return Ok(());
        }
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(match now {
            Some(Change::Is(now)) => difference(path, opened, &now),
            Some(Change::Gone) | None => replaced(path, &opened.id, "none: the topic was deleted"),
        })
    }
}

fn changed(client: &NativeClient, topic: &str, opened: &Description) -> Result<Option<Change>, KafkaError> {
    match describe(client, topic, TIMEOUT) {
        Ok(now) if now == *opened => Ok(None),
        Ok(now) => Ok(Some(Change::Is(now))),
        Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition)) => Ok(Some(Change::Gone)),
        Err(error) => Err(error),
    }
}

/// Names what is different.
fn difference(path: &str, opened: &Description, now: &Description) -> LogError {
    if now.id == opened.id {
        return LogError::PartitionsChanged { path: path.to_owned(), was: opened.partitions, is: now.partitions };
    }
    replaced(path, &opened.id, &now.id)
}

fn replaced(path: &str, was: &str, is: &str) -> LogError {
    let hint = "the topic was deleted and perhaps made again: its old records are gone; keep the rows that are there, \
                and work from the new topic into a new store";
    LogError::Replaced { path: path.to_owned(), was: was.to_owned(), is: is.to_owned(), hint }
}
