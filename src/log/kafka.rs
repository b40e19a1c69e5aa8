//! The log on Kafka: a topic.

use super::{Log, LogError, LogWriter, PartitionReader};

pub mod address;
pub mod key;

use address::KafkaAddress;
use key::KeyOf;

/// A topic.
#[derive(Debug)]
pub struct KafkaLog;

fn soon() -> LogError {
    LogError::Failed { path: "kafka".to_string(), what: "is being written", why: "soon".to_string() }
}

impl KafkaLog {
    /// Opens a topic that is there.
    pub fn open(_address: &KafkaAddress) -> Result<Self, LogError> {
        Err(soon())
    }

    /// Opens a topic, and makes it when it is not there.
    pub fn create(_address: &KafkaAddress, _partitions: u32) -> Result<Self, LogError> {
        Err(soon())
    }

    /// Whether the topic is there.
    pub fn exists(_address: &KafkaAddress) -> Result<bool, LogError> {
        Err(soon())
    }
}

impl Log for KafkaLog {
    fn partitions(&self) -> u32 {
        0
    }

    fn first_offset(&self, _partition: u32) -> Result<u64, LogError> {
        Err(soon())
    }

    fn end_offset(&self, _partition: u32) -> Result<u64, LogError> {
        Err(soon())
    }

    fn reader(&self, _partition: u32, _offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        Err(soon())
    }

    fn name(&self) -> String {
        String::new()
    }
}

/// Appends to a topic.
#[derive(Debug)]
pub struct KafkaWriter;

impl KafkaWriter {
    /// Becomes a writer of a topic that is there; each record gets the key that `key_of` finds in it.
    pub fn open(_address: &KafkaAddress, _key_of: KeyOf) -> Result<Self, LogError> {
        Err(soon())
    }
}

impl LogWriter for KafkaWriter {
    fn partitions(&self) -> u32 {
        0
    }

    fn append(&mut self, _partition: u32, _record: &[u8]) -> Result<(), LogError> {
        Err(soon())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        Err(soon())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        Err(soon())
    }
}
