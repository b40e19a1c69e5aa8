//! Address of a log: the text after `--log`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::dir::{DirLog, DirWriter};
use super::kafka::address::KafkaAddress;
use super::kafka::{Claim, KafkaLog, KafkaWriter};
use super::{Log, LogError, LogWriter};
use crate::secret::registry::names_a_user;

/// Address of a log. [`FromStr`] parses it, [`fmt::Display`] prints the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogAddress {
    /// `dir:PATH`: a directory with one JSON Lines file per partition.
    Dir(PathBuf),
    /// `kafka://HOST:PORT[,HOST:PORT]/TOPIC[?config=FILE][&reader=librdkafka]`: a topic.
    Kafka(KafkaAddress),
}

impl LogAddress {
    /// Opens an existing log for reading.
    pub fn open(&self) -> Result<Box<dyn Log>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirLog::open(path)?)),
            Self::Kafka(address) => Ok(Box::new(KafkaLog::open(address)?)),
        }
    }

    /// Opens the log for reading, created if it does not exist.
    pub fn create(&self, partitions: u32) -> Result<Box<dyn Log>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirLog::create(path, partitions)?)),
            Self::Kafka(address) => Ok(Box::new(KafkaLog::create(address, partitions)?)),
        }
    }

    /// Opens the log for reading, created if it does not exist. Without a requested number of partitions it has those
    /// that exist, or `fallback` if it is new.
    pub fn open_or_create(&self, partitions: Option<u32>, fallback: u32) -> Result<Box<dyn Log>, LogError> {
        match partitions {
            Some(partitions) => self.create(partitions),
            None if self.exists()? => self.open(),
            None => self.create(fallback),
        }
    }

    /// Opens an existing symbol log, which must have one partition.
    pub fn open_symbols(&self) -> Result<Box<dyn Log>, LogError> {
        let log = self.open()?;
        match log.partitions() {
            1 => Ok(log),
            has => Err(LogError::Partitions { path: log.name(), has, wanted: 1 }),
        }
    }

    /// Opens an existing log for writing.
    pub fn open_writer(&self) -> Result<Box<dyn LogWriter>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirWriter::open(path)?)),
            Self::Kafka(address) => Ok(Box::new(KafkaWriter::open(address)?)),
        }
    }

    /// Claims the log for one source, so that an older process that writes as the same source ends. Blocks while that
    /// one may still be writing. A directory needs no claim: it has one writer.
    pub fn claim(&self, source: &str) -> Result<Option<Claim>, LogError> {
        match self {
            Self::Dir(_) => Ok(None),
            Self::Kafka(address) => Claim::take(address, source).map(Some),
        }
    }

    /// Opens a symbol log for writing. A directory is created if it does not exist, with one partition; a topic must
    /// exist, because it must be a compacted one.
    pub fn open_symbols_writer(&self) -> Result<Box<dyn LogWriter>, LogError> {
        if let Self::Dir(path) = self {
            DirLog::create(path, 1)?;
        }
        self.open_writer()
    }

    /// Whether the log exists.
    pub fn exists(&self) -> Result<bool, LogError> {
        match self {
            Self::Dir(path) => Ok(DirLog::exists(path)),
            Self::Kafka(address) => KafkaLog::exists(address),
        }
    }
}

impl FromStr for LogAddress {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let bad = || LogError::BadAddress { text: text.to_string() };
        match text.split_once(':') {
            _ if names_a_user(text) && !text.starts_with("dir:") => Err(LogError::UserInAddress),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Dir(PathBuf::from(path))),
            Some(("kafka", rest)) => KafkaAddress::parse(rest).map(Self::Kafka).ok_or_else(bad),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for LogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "dir:{}", path.display()),
            Self::Kafka(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode as _;

    #[test]
    fn addresses_parse_and_print_alike() {
        for text in [
            "dir:trades",
            "dir:/a/b:c",
            "dir:./with space",
            "kafka://h:1/t",
            "kafka://[::1]:9092,b:2/a.b-c_d?config=/k.conf",
            "kafka://h:1/t?reader=librdkafka",
            "kafka://h:1/t?reader=librdkafka&config=/k@l.conf",
            "kafka://h:1/t?config=/k.conf?x&y",
        ] {
            assert_eq!(text.parse::<LogAddress>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "dir",
            "dir:",
            "trades",
            "sqlite:x",
            "DIR:x",
            "kafka:h:1/t",
            "kafka://h/t",
            "kafka://h:1",
            "kafka://h:1/",
            "kafka://:1/t",
            "kafka://h:1/a/b",
            "kafka://h:1/t?config=",
            "kafka://h:99999/t",
            "kafka://h:1/t?",
            "kafka://h:1/t?reader=x",
            "kafka://h:1/t?reader=librdkafka&config=",
            "kafka://h:1/t?reader=librdkafka&",
        ] {
            let error = text.parse::<LogAddress>().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        let either = "kafka://h:1/t?config=f&reader=librdkafka".parse::<LogAddress>().unwrap();
        assert_eq!(either.to_string(), "kafka://h:1/t?reader=librdkafka&config=f");
        for text in ["kafka://u:canary@h:1/t", "kafka://u:can/ary@h:1/t?config=f", "cassandra://u:canary@h:1/t"] {
            let error = text.parse::<LogAddress>().unwrap_err();
            assert!(error.exit_code() == 2 && !format!("{error:?}{error}").contains("ary"), "{error}");
            assert!(error.to_string().contains("?config=FILE"), "{error}");
        }
    }
}
