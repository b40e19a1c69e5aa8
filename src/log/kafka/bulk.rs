//! Reading a topic in bulk: answers of the broker as they are, walked in place.
//!
//! Each partition has a thread that asks its leader and keeps at most one answer ahead (`fetching`, `fetcher`); the
//! reader checks and decompresses batches on the worker's thread ([`walk`], [`codec`]). Only what reading needs of the
//! protocol is here; everything else about a topic is asked through librdkafka, whose reader remains for settings that
//! this one does not understand (`settings`).

use std::sync::{Arc, Once};

use rdkafka::ClientConfig;
use tracing::warn;

mod cluster;
pub mod codec;
mod fetcher;
mod fetching;
mod protocol;
mod reader;
mod sasl;
mod settings;
pub mod walk;
mod wire;

pub(super) use cluster::Cluster;
pub use reader::BulkReader;
use settings::Settings;
use wire::LinkError;

use super::topic::Topic;
use crate::log::LogError;

/// The cluster, if this reader can read from it.
pub(super) fn cluster(topic: &Topic, config: &ClientConfig) -> Result<Option<Arc<Cluster>>, LogError> {
    static SAID: Once = Once::new();
    let left = |why: String| {
        SAID.call_once(|| warn!(topic = topic.name(), "reading with librdkafka, which is slower: {why}"));
        Ok(None)
    };
    let settings = match Settings::of(config) {
        Ok(settings) => settings,
        Err(name) => return left(format!("the setting {name} is one of its own")),
    };
    let Some(cluster) = Cluster::new(&topic.address.brokers, &topic.opened.id, settings) else {
        return left("the cluster gives topics no id".to_owned());
    };
    match cluster.leader(0, 0) {
        Err(error @ LinkError::TooOld) => left(error.to_string()),
        Err(LinkError::Denied(why)) => Err(LogError::Denied { path: topic.name(), why }),
        // A broker that is away now is waited for.
        Ok(_) | Err(_) => Ok(Some(Arc::new(cluster))),
    }
}
