//! Address of a keyspace: `cassandra://host:port[,host:port]/keyspace[?config=FILE]`.

use std::fmt;
use std::path::PathBuf;

/// Address of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CassandraAddress {
    /// Contact points, `host:port`, one or more.
    pub hosts: Vec<String>,
    /// The keyspace: lower case letters, digits and underscores, so that CQL needs no quotes.
    pub keyspace: String,
    /// Connection settings (user, certificates); see [`super::config`].
    pub config: Option<PathBuf>,
}

/// Longest keyspace name that Cassandra accepts.
const KEYSPACE_LENGTH_MAX: usize = 48;

impl CassandraAddress {
    /// Parses the text after `cassandra:`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("//")?;
        let (address, config) = match text.split_once("?config=") {
            Some((_, "")) => return None,
            Some((address, file)) => (address, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let (hosts, keyspace) = address.split_once('/')?;
        let named = |host: &str| {
            host.rsplit_once(':').is_some_and(|(name, port)| !name.is_empty() && port.parse::<u16>().is_ok())
        };
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_keyspace = keyspace.starts_with(|c: char| c.is_ascii_lowercase())
            && keyspace.chars().all(legal)
            && keyspace.len() <= KEYSPACE_LENGTH_MAX;
        let hosts: Vec<String> = hosts.split(',').map(str::to_owned).collect();
        (hosts.iter().all(|host| named(host)) && is_keyspace).then(|| Self {
            hosts,
            keyspace: keyspace.to_owned(),
            config,
        })
    }
}

impl fmt::Display for CassandraAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cassandra://{}/{}", self.hosts.join(","), self.keyspace)?;
        self.config.as_ref().map_or(Ok(()), |file| write!(f, "?config={}", file.display()))
    }
}
