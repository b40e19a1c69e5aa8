//! Address of a topic: `kafka://host:port[,host:port]/topic[?config=FILE][&reader=librdkafka]`.

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
    /// Whether the topic is read with librdkafka, although this program's own reader could.
    pub with_librdkafka: bool,
}

/// The option that asks for librdkafka's reader.
const WITH_LIBRDKAFKA: &str = "reader=librdkafka";

impl KafkaAddress {
    /// Parses the text after `kafka:`; `None` if it is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("//")?;
        let (address, options) =
            text.split_once('?').map_or((text, None), |(address, options)| (address, Some(options)));
        let (mut config, mut with_librdkafka) = (None, false);
        if let Some(options) = options {
            let before = options.strip_prefix(WITH_LIBRDKAFKA).map(|rest| rest.strip_prefix('&').unwrap_or(rest));
            let rest = before.unwrap_or(options);
            let after = rest.strip_suffix(WITH_LIBRDKAFKA).and_then(|rest| rest.strip_suffix('&'));
            // The rest is the name of a file, whatever is in it.
            let file = after.unwrap_or(rest).strip_prefix("config=").filter(|file| !file.is_empty());
            with_librdkafka = before.or(after).is_some();
            config = file.map(PathBuf::from);
            if config.is_none() && options != WITH_LIBRDKAFKA {
                return None;
            }
        }
        let (brokers, topic) = address.split_once('/')?;
        let named = |broker: &str| {
            broker.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let well_formed = brokers.split(',').all(named) && topic.chars().all(legal) && !topic.is_empty();
        well_formed.then(|| Self { brokers: brokers.to_owned(), topic: topic.to_owned(), config, with_librdkafka })
    }
}

impl fmt::Display for KafkaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kafka://{}/{}", self.brokers, self.topic)?;
        match (&self.config, self.with_librdkafka) {
            (None, false) => Ok(()),
            (None, true) => write!(f, "?{WITH_LIBRDKAFKA}"),
            (Some(file), false) => write!(f, "?config={}", file.display()),
            (Some(file), true) => write!(f, "?{WITH_LIBRDKAFKA}&config={}", file.display()),
        }
    }
}
