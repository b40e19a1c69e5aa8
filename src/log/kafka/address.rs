//! Address of a topic: `kafka://host:port[,host:port]/topic[?config=FILE]`.

use std::fmt;
use std::path::PathBuf;

/// Address of a topic and its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaAddress {
    /// Bootstrap brokers: `host:port`, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// File of librdkafka settings, one `name=value` per line: TLS, SASL and anything else the cluster needs.
    pub config: Option<PathBuf>,
}

impl KafkaAddress {
    /// Parses the text after `kafka:`; `None` if it is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, config) = match text.strip_prefix("//")?.split_once("?config=") {
            Some((_, "")) => return None,
            Some((address, file)) => (address, Some(PathBuf::from(file))),
            None => (text.strip_prefix("//")?, None),
        };
        let (brokers, topic) = address.split_once('/')?;
        let named = |broker: &str| {
            broker.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let well_formed = brokers.split(',').all(named) && topic.chars().all(legal) && !topic.is_empty();
        well_formed.then(|| Self { brokers: brokers.to_owned(), topic: topic.to_owned(), config })
    }
}

impl fmt::Display for KafkaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kafka://{}/{}", self.brokers, self.topic)?;
        self.config.as_ref().map_or(Ok(()), |file| write!(f, "?config={}", file.display()))
    }
}
