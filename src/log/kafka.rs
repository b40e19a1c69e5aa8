//! The log on Kafka: a topic.
//!
//! Each partition is read from explicit offsets without a consumer group: the dataflow assigns partitions to workers,
//! and only the checkpoint records what was read. Lost data (retention, truncation, a topic that was created again,
//! added partitions) is a permanent error. Two readers do that and give the same: [`bulk`], and librdkafka's
//! (`reader`) where a setting is one of its own or the address asks for it.

use std::sync::{Arc, OnceLock};

use super::{Cleanup, Log, LogError, PartitionReader};

pub mod address;
mod batch_reader;
pub mod bulk;
mod claim;
pub mod config;
mod context;
mod ended;
mod lost_partitions;
mod message_status;
mod outage;
mod reader;
mod topic;
mod topic_id;
pub mod topic_setup;
mod topic_watch;
mod writer;

pub use bulk::BulkReader;
pub use claim::Claim;
pub use reader::KafkaReader;
pub use writer::KafkaWriter;

use address::KafkaAddress;
use bulk::Cluster;
use config::client_config;
use topic::Topic;
use topic_watch::TopicWatch;

/// A topic opened for reading.
pub struct KafkaLog {
    topic: Arc<Topic>,
    /// Started with the first reader.
    watch: OnceLock<Arc<TopicWatch>>,
    /// Chosen with the first reader: where to fetch from, if not with librdkafka.
    bulk: OnceLock<Option<Arc<Cluster>>>,
}

impl KafkaLog {
    /// Opens an existing topic.
    pub fn open(address: &KafkaAddress) -> Result<Self, LogError> {
        Ok(Self { topic: Arc::new(Topic::open(address)?), watch: OnceLock::new(), bulk: OnceLock::new() })
    }

    /// Opens a topic, created if it does not exist; it must have this number of partitions.
    pub fn create(address: &KafkaAddress, partitions: u32) -> Result<Self, LogError> {
        topic_setup::create(address, &topic_setup::TopicSpec::trades(partitions, None))?;
        let log = Self::open(address)?;
        if log.partitions() == partitions {
            Ok(log)
        } else {
            Err(LogError::Partitions { path: log.name(), has: log.partitions(), wanted: partitions })
        }
    }

    /// Whether the topic exists.
    pub fn exists(address: &KafkaAddress) -> Result<bool, LogError> {
        Topic::exists(address)
    }

    fn watch(&self) -> Result<Arc<TopicWatch>, LogError> {
        if let Some(watch) = self.watch.get() {
            return Ok(Arc::clone(watch));
        }
        let watch = TopicWatch::start(Arc::clone(&self.topic))
            .map_err(|error| self.topic.failed("cannot start a thread", error.to_string()))?;
        Ok(Arc::clone(self.watch.get_or_init(|| watch)))
    }

    fn bulk(&self) -> Result<Option<Arc<Cluster>>, LogError> {
        if let Some(chosen) = self.bulk.get() {
            return Ok(chosen.clone());
        }
        let address = &self.topic.address;
        let chosen = match address.with_librdkafka {
            true => None,
            false => bulk::cluster(&self.topic, &client_config(address)?)?,
        };
        Ok(self.bulk.get_or_init(|| chosen).clone())
    }
}

impl Log for KafkaLog {
    fn partitions(&self) -> u32 {
        self.topic.opened.partitions
    }

    fn first_offset(&self, partition: u32) -> Result<u64, LogError> {
        Ok(self.topic.offsets(partition)?.0)
    }

    fn end_offset(&self, partition: u32) -> Result<u64, LogError> {
        Ok(self.topic.offsets(partition)?.1)
    }

    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        self.topic.check_offset(partition, offset)?;
        let (topic, watch) = (Arc::clone(&self.topic), self.watch()?);
        Ok(match self.bulk()? {
            Some(cluster) => Box::new(BulkReader::open(topic, watch, cluster, partition, offset)?),
            None => Box::new(KafkaReader::open(topic, watch, partition, offset)?),
        })
    }

    fn name(&self) -> String {
        self.topic.name()
    }

    fn cleanup(&self) -> Result<Cleanup, LogError> {
        topic_setup::cleanup(&self.topic.address)
    }

    fn identity(&self) -> String {
        self.topic.opened.id.clone()
    }
}
