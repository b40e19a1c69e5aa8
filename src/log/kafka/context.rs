//! What a client tells on the side goes to the program's own log, without any setting's value.

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tracing::{debug, warn};

/// The context of clients that read and ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told;

impl ClientContext for Told {
    fn log(&self, level: Level, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The library goes on by itself; what ends a run is told by the call that fails.
        warn!(%error, reason, "the connection to Kafka has a problem");
    }
}

impl ConsumerContext for Told {}

/// Writes a line of the library into the program's log.
pub(super) fn log(level: Level, facility: &str, message: &str) {
    match level {
        Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
            warn!(facility, message, "librdkafka");
        }
        Level::Notice | Level::Info | Level::Debug => debug!(facility, message, "librdkafka"),
    }
}
