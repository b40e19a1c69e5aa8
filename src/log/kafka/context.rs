//! Context of librdkafka's clients: passes their errors and log lines to this program's log, without setting values.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, warn};

use super::address::KafkaAddress;
use super::outage::Outage;
use super::topic_id::{Source, TopicId};

/// The errors and log lines of one client.
#[derive(Clone, Debug)]
pub(super) struct Events {
    brokers: Arc<str>,
    outage: Arc<Outage>,
    last_error: Arc<Mutex<Option<String>>>,
    topic_id: Arc<TopicId>,
}

impl Events {
    /// The context of a new client of this cluster.
    pub(super) fn new(address: &KafkaAddress) -> Self {
        let (brokers, outage) = (address.brokers.as_str().into(), Outage::of(&address.brokers));
        Self { brokers, outage, last_error: Arc::default(), topic_id: Arc::default() }
    }

    /// The connection's last error: the reason why a request got no response.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whose records this client, which logs [`topic_id::DEBUG`](super::topic_id::DEBUG), has fetched.
    pub(super) fn source(&self, expected: &str) -> Source {
        self.topic_id.source(expected)
    }

    /// Whether a problem is to be logged: true for its first occurrence in an outage.
    pub(super) fn is_new(&self, text: &str) -> bool {
        self.outage.is_new(text)
    }

    /// Records a success, which ends an outage.
    pub(super) fn succeeded(&self) {
        self.outage.succeeded(&self.brokers);
    }
}

impl ClientContext for Events {
    fn log(&self, level: Level, facility: &str, message: &str) {
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
                if self.is_new(message) {
                    warn!(facility, message, "librdkafka");
                }
            }
            Level::Notice | Level::Info | Level::Debug => {
                self.topic_id.log(facility, message);
                debug!(facility, message, "librdkafka");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // librdkafka retries by itself; an error that ends a run is returned by the failing call. That all brokers are
        // down follows from the earlier errors, and says less.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            return;
        }
        if self.is_new(reason) {
            warn!(%error, reason, "problem with the connection to Kafka; retrying");
        }
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}

impl ConsumerContext for Events {}
