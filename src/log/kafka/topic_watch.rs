//! Keeps watch that the topic stays the one that was opened: not deleted, not made again, no partitions added.
//!
//! Kafka's consumers do not notice when a topic is deleted and created again under its name, nor when partitions are
//! added. Both would give rows that no replay gives, so a thread asks the cluster every few seconds, and what it finds
//! stays: every read from then on fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use tracing::warn;

use super::topic::Topic;
use crate::log::LogError;

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Whether the topic has changed since it was opened.
pub(super) struct TopicWatch {
    topic: Arc<Topic>,
    changed: AtomicBool,
}

impl TopicWatch {
    /// Starts to watch, until nobody holds the guard any more.
    pub(super) fn start(topic: Arc<Topic>) -> std::io::Result<Arc<Self>> {
        let watch = Arc::new(Self { topic, changed: AtomicBool::new(false) });
        let watched = Arc::downgrade(&watch);
        thread::Builder::new().name("kafka-topic".to_owned()).spawn(move || run(&watched))?;
        Ok(watch)
    }

    /// Fails from the moment on that a change was found.
    pub(super) fn check(&self) -> Result<(), LogError> {
        if !self.changed.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.topic.changed() {
            Ok(Some(error)) => Err(error),
            // It was another one in between, and what was read then is not known.
            Ok(None) => Err(self.topic.failed("cannot read", "the topic was another one for a while".to_owned())),
            Err(error) => Err(self.topic.failed("has changed, and cannot be asked how", error.to_string())),
        }
    }
}

fn run(watched: &Weak<TopicWatch>) {
    loop {
        thread::sleep(ASK_EVERY);
        let Some(watch) = watched.upgrade() else { return };
        match watch.topic.changed() {
            Ok(None) => {}
            Ok(Some(_)) => return watch.changed.store(true, Ordering::Release),
            // Readers go on meanwhile: a broker that is away changes nothing.
            Err(error) => warn!(%error, topic = watch.topic.name(), "the topic could not be checked"),
        }
    }
}
