//! Feed settings.

use std::time::Duration;

use openssl::ssl::SslConnector;

use crate::secret::Secret;

/// URL of Finnhub's feed.
pub const FINNHUB_URL: &str = "wss://ws.finnhub.io";

/// Feed settings: the URL, the symbols to subscribe to, and the time limits.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// WebSocket URL without the API token, such as `ws://127.0.0.1:8765/`.
    pub url: String,
    /// API token.
    pub token: Secret,
    /// Symbols to subscribe to, again after each reconnect.
    pub symbols: Vec<String>,
    /// Liveness timeout: reconnect after this long without a sign of life.
    pub liveness_timeout: Duration,
    /// Shortest pause before a new attempt.
    pub pause_min: Duration,
    /// Longest pause before a new attempt.
    pub pause_max: Duration,
    /// Shortest pause after HTTP status 429.
    pub pause_too_many: Duration,
    /// Timeout for connecting, and for sending one message.
    pub step_max: Duration,
    /// TLS configuration of a `wss` URL (default: the certificate authorities that this machine trusts).
    pub tls: Option<SslConnector>,
}

impl FeedConfig {
    /// Default limits: 10 s without a sign of life, since TCP repairs the loss of five packets in a row within 6.2 s;
    /// pauses of 1 to 60 s, and at least a minute after HTTP status 429.
    pub fn new(url: String, token: Secret, symbols: Vec<String>) -> Self {
        Self {
            url,
            token,
            symbols,
            liveness_timeout: Duration::from_secs(10),
            pause_min: Duration::from_secs(1),
            pause_max: Duration::from_secs(60),
            pause_too_many: Duration::from_secs(60),
            step_max: Duration::from_secs(15),
            tls: None,
        }
    }
}
