//! The text after `--log`: which log is meant.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::dir::{DirLog, DirWriter};
use super::{Log, LogError, LogWriter};

/// Which log is meant. Made from text by [`FromStr`], shown by [`fmt::Display`] as the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogAddress {
    /// `dir:PATH`: a directory with one JSON Lines file a partition.
    Dir(PathBuf),
}

impl LogAddress {
    /// Opens the log for reading; it must be there.
    pub fn open(&self) -> Result<Box<dyn Log>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirLog::open(path)?)),
        }
    }

    /// Opens the log for reading, and makes it first when it is not there.
    pub fn create(&self, partitions: u32) -> Result<Box<dyn Log>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirLog::create(path, partitions)?)),
        }
    }

    /// Becomes the writer of a log that is there.
    pub fn open_writer(&self) -> Result<Box<dyn LogWriter>, LogError> {
        match self {
            Self::Dir(path) => Ok(Box::new(DirWriter::open(path)?)),
        }
    }

    /// Whether the log is there.
    pub fn exists(&self) -> bool {
        match self {
            Self::Dir(path) => DirLog::exists(path),
        }
    }
}

impl FromStr for LogAddress {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text.split_once(':') {
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Dir(PathBuf::from(path))),
            _ => Err(LogError::BadAddress { text: text.to_string() }),
        }
    }
}

impl fmt::Display for LogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for text in ["dir:trades", "dir:/a/b:c", "dir:./with space"] {
            assert_eq!(text.parse::<LogAddress>().unwrap().to_string(), text);
        }
        for text in ["", "dir", "dir:", "trades", "kafka://h:1/t", "sqlite:x", "DIR:x"] {
            let error = text.parse::<LogAddress>().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
    }
}
