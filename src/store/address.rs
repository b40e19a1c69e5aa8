//! Store address: the value of `--store`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::cassandra::address::CassandraAddress;
use super::cassandra::{self, CassandraReader, CassandraStore};
use super::none::NoStore;
use super::sqlite::{SqliteReader, SqliteStore};
use super::{Store, StoreError, StoreReader};
use crate::secret::registry::names_a_user;

/// Store address. [`FromStr`] parses it and [`fmt::Display`] prints the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreAddress {
    /// `sqlite:PATH`: one SQLite file.
    Sqlite(PathBuf),
    /// `cassandra://host:port[,host:port]/keyspace[?config=FILE]`: a keyspace of a cluster.
    Cassandra(CassandraAddress),
    /// `none`: keeps nothing.
    None,
}

impl StoreAddress {
    /// Creates what a writer needs and does not exist yet. `copies` is the replication factor in Cassandra.
    pub fn set_up(&self, copies: u32) -> Result<(), StoreError> {
        match self {
            Self::Cassandra(address) => cassandra::set_up(address, copies),
            Self::Sqlite(_) | Self::None => self.open_writer().map(drop),
        }
    }

    /// Opens the writing side. A missing file is created; the tables of a keyspace are created by `tickline setup`.
    /// Earlier epochs are fenced by [`Store::open_epoch`] only.
    pub fn open_writer(&self) -> Result<Box<dyn Store>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Box::new(SqliteStore::open(path)?)),
            Self::Cassandra(address) => Ok(Box::new(CassandraStore::open(address)?)),
            Self::None => Ok(Box::new(NoStore::default())),
        }
    }

    /// Opens the reading side of an existing store.
    pub fn open_reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Box::new(SqliteReader::open(path)?)),
            Self::Cassandra(address) => Ok(Box::new(CassandraReader::open(address)?)),
            Self::None => Err(StoreError::Missing {
                path: self.to_string(),
                hint: "`none` keeps no rows; give the store that rows were written to, as in --store sqlite:PATH"
                    .to_string(),
            }),
        }
    }
}

impl StoreAddress {
    /// Opens the reading side for one short command: opening it and all reads together take at most `limit`.
    pub fn open_reader_within(&self, limit: Duration) -> Result<Box<dyn StoreReader>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Box::new(SqliteReader::open_within(path, limit)?)),
            Self::Cassandra(address) => Ok(Box::new(CassandraReader::open_within(address, limit)?)),
            Self::None => self.open_reader(),
        }
    }
}

impl FromStr for StoreAddress {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text.split_once(':') {
            _ if names_a_user(text) && !text.starts_with("sqlite:") => Err(StoreError::UserInAddress),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("cassandra", rest)) => CassandraAddress::parse(rest)
                .map(Self::Cassandra)
                .ok_or_else(|| StoreError::BadAddress { text: text.to_string() }),
            None if text == "none" => Ok(Self::None),
            _ => Err(StoreError::BadAddress { text: text.to_string() }),
        }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Cassandra(address) => address.fmt(f),
            Self::None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode as _;

    #[test]
    fn addresses_parse_and_print_alike() {
        let cassandra = ["cassandra://h:1/k", "cassandra://h:1,[::1]:2/k_2?config=a/b.toml"];
        for text in ["sqlite:a.db", "sqlite:/a/b:c", "none"].into_iter().chain(cassandra) {
            assert_eq!(text.parse::<StoreAddress>().unwrap().to_string(), text);
        }
        let cassandra =
            ["cassandra:h:1/k", "cassandra://h/k", "cassandra://h:1/K", "cassandra://h:1/", "cassandra://h:1"];
        for text in ["", "sqlite", "sqlite:", "none:", "dir:x"].into_iter().chain(cassandra) {
            let error = text.parse::<StoreAddress>().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        for text in ["cassandra://u:canary@h:1/k", "cassandra://u@h:1/k?config=f", "postgres://u:canary@h/k"] {
            let error = text.parse::<StoreAddress>().unwrap_err();
            assert!(error.exit_code() == 2 && !format!("{error:?}{error}").contains("canary"), "{error}");
            assert!(error.to_string().contains("?config=FILE"), "{error}");
        }
        assert_eq!(StoreAddress::None.open_reader().err().unwrap().exit_code(), 2);
    }
}
