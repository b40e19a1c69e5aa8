//! Feed errors. No text holds the API token.

use crate::exit_code::ExitCode;

/// Reason why a connection could not be made, or ended.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketError {
    /// Invalid URL.
    #[error("invalid feed URL ({why}): expected ws://HOST[:PORT]/ or wss://HOST/")]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// The API token is not accepted; a retry cannot help.
    #[error("the feed rejected the API token (HTTP status {status}): check FINNHUB_TOKEN or --token-file")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
    },
    /// Too many attempts.
    #[error("the feed asks for a pause (HTTP status 429)")]
    TooMany {
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// No sign of life for too long.
    #[error("no sign of life for {timeout_ms} ms: neither trades nor an answer to pings")]
    Silent {
        /// The liveness timeout, in milliseconds.
        timeout_ms: u128,
    },
    /// The feed closed the connection.
    #[error("the feed closed the connection")]
    Closed,
    /// Any other failure.
    #[error("{why}")]
    Failed {
        /// What happened, without the API token.
        why: String,
    },
}

impl ExitCode for SocketError {
    fn exit_code(&self) -> u8 {
        if matches!(self, Self::BadUrl { .. } | Self::Unauthorized { .. }) { 2 } else { 1 }
    }
}
