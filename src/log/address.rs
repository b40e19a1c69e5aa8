//! The text after `--log`: which log is meant.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::dir::{DirLog, DirWriter};
use super::kafka::address::KafkaAddress;
use super::kafka::key::{KeyOf, key_of_symbol, key_of_trade};
use super::kafka::{KafkaLog, KafkaWriter};
use super::{Log, LogError, LogWriter};

/// Which log is meant. Made from text by [`FromStr`], shown by [`fmt::Display`] as the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogAddress {
    /// `dir:PATH`: a directory with one JSON Lines file a partition.
    Dir(PathBuf),
    /// `kafka://HOST:PORT[,HOST:PORT]/TOPIC[?config=FILE]`: a topic.
    Kafka(KafkaAddress),
}

impl LogAddress {
    /// Opens the log for reading; it must be there.
    pub fn open(&self) -> Result<Box<dyn Log>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirLog::open(path)?)),
            Self::Kafka(address) => Ok(Box::new(KafkaLog::open(address)?)),
        }
    }

    /// Opens the log for reading, and makes it first when it is not there.
    pub fn create(&self, partitions: u32) -> Result<Box<dyn Log>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirLog::create(path, partitions)?)),
            Self::Kafka(address) => Ok(Box::new(KafkaLog::create(address, partitions)?)),
        }
    }

    /// Opens the log, and makes it when it is not there. Its number of partitions: as asked for, else as it is, else
    /// `fallback`.
    pub fn make(&self, wanted: Option<u32>, fallback: u32) -> Result<Box<dyn Log>, LogError> {
        match wanted {
            Some(wanted) => self.create(wanted),
            None if self.exists()? => self.open(),
            None => self.create(fallback),
        }
    }

    /// Opens a log of symbols, which must be there with its one partition.
    pub fn open_symbols(&self) -> Result<Box<dyn Log>, LogError> {
        let log = self.open()?;
        match log.partitions() {
            1 => Ok(log),
            has => Err(LogError::Partitions { path: log.name(), has, wanted: 1 }),
        }
    }

    /// Becomes the writer of a log of trades that is there.
    pub fn open_writer(&self) -> Result<Box<dyn LogWriter>, LogError> {
        self.open_writer_keyed(key_of_trade)
    }

    /// Becomes the writer of a log that is there, whose records have keys of another kind.
    pub fn open_writer_keyed(&self, key_of: KeyOf) -> Result<Box<dyn LogWriter>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirWriter::open(path)?)),
            Self::Kafka(address) => Ok(Box::new(KafkaWriter::open(address, key_of)?)),
        }
    }

    /// Becomes the writer of a log of symbols, whose records have the symbol as their key: one partition, made when it
    /// is not there in a directory; a topic must be there, so that it is one that Kafka compacts.
    pub fn open_symbols_writer(&self) -> Result<Box<dyn LogWriter>, LogError> {
        if let Self::Dir(path) = self {
            DirLog::create(path, 1)?;
        }
        self.open_writer_keyed(key_of_symbol)
    }

    /// Whether the log is there.
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
    fn addresses_are_read_and_shown_alike() {
        for text in [
            "dir:trades",
            "dir:/a/b:c",
            "dir:./with space",
            "kafka://h:1/t",
            "kafka://[::1]:9092,b:2/a.b-c_d?config=/k.conf",
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
        ] {
            let error = text.parse::<LogAddress>().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
    }
}
