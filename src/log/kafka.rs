//! The log on Kafka: a topic.
//!
//! Each partition is read by a client of its own from explicit offsets, without a consumer group: which worker reads
//! what is the dataflow's to say, and what was read is known from the checkpoint alone. What a topic has lost
//! (retention, truncation, made again, partitions added) is an error that stays.

use std::sync::{Arc, OnceLock};

use super::{Log, LogError, PartitionReader};

pub mod address;
mod batch_reader;
pub mod config;
mod context;
mod reader;
mod topic;
pub mod topic_setup;
mod topic_watch;
mod writer;

pub use reader::KafkaReader;
pub use writer::KafkaWriter;

use address::KafkaAddress;
use topic::Topic;
use topic_watch::TopicWatch;

/// A topic that is read.
pub struct KafkaLog {
    topic: Arc<Topic>,
    /// Watches from the first reader on.
    watch: OnceLock<Arc<TopicWatch>>,
}

impl KafkaLog {
    /// Opens a topic that is there.
    pub fn open(address: &KafkaAddress) -> Result<Self, LogError> {
        Ok(Self { topic: Arc::new(Topic::open(address)?), watch: OnceLock::new() })
    }

    /// Opens a topic, and makes it when it is not there; it must have so many partitions.
    pub fn create(address: &KafkaAddress, partitions: u32) -> Result<Self, LogError> {
        topic_setup::make(address, &topic_setup::TopicSpec::trades(partitions, None))?;
        let log = Self::open(address)?;
        if log.partitions() == partitions {
            Ok(log)
        } else {
            Err(LogError::Partitions { path: log.name(), has: log.partitions(), wanted: partitions })
        }
    }

    /// Whether the topic is there.
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
        Ok(Box::new(KafkaReader::open(Arc::clone(&self.topic), self.watch()?, partition, offset)?))
    }

    fn name(&self) -> String {
        self.topic.name()
    }

    fn identity(&self) -> String {
        self.topic.opened.id.clone()
    }
}
