//! What a client tells on the side goes to the program's own log, without any setting's value.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, warn};

/// The context of clients that read and ask. It keeps the last error of the connection, which says why nobody answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Arc<Mutex<Option<String>>>);

impl Told {
    /// Why the connection failed last.
    pub(super) fn last_error(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Told {
    fn log(&self, level: Level, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The library goes on by itself; what ends a run is told by the call that fails.
        warn!(%error, reason, "the connection to Kafka has a problem");
        // That all brokers are down follows from what was said before, and says less.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
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
