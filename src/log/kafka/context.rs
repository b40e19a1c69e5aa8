//! Context of librdkafka's clients: passes their errors and log lines to this program's log, without setting values.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, warn};

use super::address::KafkaAddress;
use super::outage::Outage;
use super::topic_id::{Source, TopicId};
use crate::secret::registry::masked;

/// How long a running client goes on with credentials that the cluster rejects.
pub(super) const DENIED_AFTER: Duration = Duration::from_secs(30);

/// The errors and log lines of one client.
#[derive(Clone, Debug)]
pub(super) struct Events {
    brokers: Arc<str>,
    outage: Arc<Outage>,
    last_error: Arc<Mutex<Option<LastError>>>,
    has_error: Arc<AtomicBool>,
    topic_id: Arc<TopicId>,
}

/// An error of a connection.
#[derive(Clone, Debug)]
pub(super) struct LastError {
    /// What happened.
    pub reason: String,
    /// Since when the cluster has done nothing but reject the credentials, if that is what happened.
    pub denied_since: Option<Instant>,
}

impl Events {
    /// The context of a new client of this cluster.
    pub(super) fn new(address: &KafkaAddress) -> Self {
        let (brokers, outage) = (address.brokers.as_str().into(), Outage::of(&address.brokers));
        Self { brokers, outage, last_error: Arc::default(), has_error: Arc::default(), topic_id: Arc::default() }
    }

    /// The connection's last error: the reason why a request got no response.
    pub(super) fn last_error(&self) -> Option<LastError> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The cluster's words, once it has rejected the credentials for [`DENIED_AFTER`]: a starting broker may not know
    /// its users yet.
    pub(super) fn denial(&self) -> Option<String> {
        if !self.has_error.load(Ordering::Acquire) {
            return None;
        }
        let last = self.last_error()?;
        last.denied_since.filter(|since| since.elapsed() >= DENIED_AFTER).map(|_| last.reason)
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
        if self.has_error.swap(false, Ordering::AcqRel) {
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
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
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            return;
        }
        if self.is_new(reason) {
            warn!(%error, reason, "problem with the connection to Kafka; retrying");
        }
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        let since = last.as_ref().and_then(|last| last.denied_since);
        let denied_since = code.is_some_and(is_denial).then(|| since.unwrap_or_else(Instant::now));
        *last = Some(LastError { reason: masked(reason).into_owned(), denied_since });
        self.has_error.store(true, Ordering::Release);
    }
}

impl ConsumerContext for Events {}

/// Whether the cluster did not accept the credentials, or they do not allow the request.
pub(super) fn is_denial(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::UnsupportedSASLMechanism
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
    )
}
