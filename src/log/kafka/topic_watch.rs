//! Watches that the topic stays the one that was opened: not deleted, not created again, no partitions added. And that
//! the cluster still accepts this client.
//!
//! Kafka's consumers do not notice when a topic is deleted and created again, nor when partitions are added. Both would
//! produce rows that no replay produces, so a thread queries the cluster every few seconds. After a change every read
//! fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use tracing::warn;

use super::topic::Topic;
use crate::log::LogError;

/// Interval between two checks.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Whether the topic has changed since it was opened.
pub(super) struct TopicWatch {
    topic: Arc<Topic>,
    changed: AtomicBool,
    /// Set once the cluster has rejected the credentials for some time.
    is_denied: AtomicBool,
}

impl TopicWatch {
    /// Starts the watch, which ends when its last reference is dropped.
    pub(super) fn start(topic: Arc<Topic>) -> std::io::Result<Arc<Self>> {
        let watch = Arc::new(Self { topic, changed: AtomicBool::new(false), is_denied: AtomicBool::new(false) });
        let watched = Arc::downgrade(&watch);
        thread::Builder::new().name("kafka-topic".to_owned()).spawn(move || run(&watched))?;
        Ok(watch)
    }

    /// Fails once a change was found, or while the cluster rejects the credentials.
    pub(super) fn check(&self) -> Result<(), LogError> {
        if self.is_denied.load(Ordering::Acquire)
            && let Some(denial) = self.topic.denial()
        {
            return Err(denial);
        }
        if !self.changed.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.topic.changed() {
            Ok(Some(error)) => Err(error),
            // The topic was another one for a while, so the records read meanwhile are unknown.
            Ok(None) => Err(self.topic.failed("cannot read", "the topic was replaced for a while".to_owned())),
            Err(error) => Err(self.topic.failed("has changed, but the change cannot be queried", error.to_string())),
        }
    }
}

fn run(watched: &Weak<TopicWatch>) {
    loop {
        thread::sleep(CHECK_EVERY);
        let Some(watch) = watched.upgrade() else { return };
        let found = watch.topic.changed();
        let is_denied = found.is_err() && watch.topic.denial().is_some();
        watch.is_denied.store(is_denied, Ordering::Release);
        match found {
            Ok(None) => watch.topic.client.context().succeeded(),
            Ok(Some(_)) => return watch.changed.store(true, Ordering::Release),
            // Readers continue: a broker that is away changes nothing.
            Err(error) if watch.topic.client.context().is_new(&format!("watch: {error}")) => {
                warn!(%error, topic = watch.topic.name(), "cannot check the topic; retrying");
            }
            Err(_) => {}
        }
    }
}
