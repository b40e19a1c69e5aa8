//! One connection to the feed.
//!
//! An error of the library below may hold the address, and the address holds the key: no such error leaves this file
//! with its own text unless the key was scrubbed from it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, http};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::client::FeedConfig;
use crate::exit_code::ExitCode;
use crate::secret::{Secret, percent_encode};

/// The longest message that is taken, in bytes; a longer one ends the connection.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Why a connection could not be made, or ended.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketError {
    /// The address is none.
    #[error("the feed's address cannot be used ({why}): write ws://HOST[:PORT]/ or wss://HOST/")]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// The key is not taken; trying again cannot help.
    #[error("the feed refused the key with HTTP status {status}: check the token")]
    Refused {
        /// 401 or 403.
        status: u16,
    },
    /// Too many attempts.
    #[error("the feed asks for a pause (HTTP status 429)")]
    TooMany {
        /// What the feed asked for, in seconds.
        retry_after_s: Option<u64>,
    },
    /// No frame of any kind came for too long.
    #[error("no frame came for {silence_ms} ms")]
    Silent {
        /// For how long.
        silence_ms: u128,
    },
    /// The other side closed.
    #[error("the feed closed the connection")]
    Closed,
    /// Anything else.
    #[error("{why}")]
    Failed {
        /// What happened, without the key.
        why: String,
    },
}

impl ExitCode for SocketError {
    fn exit_code(&self) -> u8 {
        if matches!(self, Self::BadUrl { .. } | Self::Refused { .. }) { 2 } else { 1 }
    }
}

/// An open connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    token: Secret,
    silence_max: Duration,
    step_max: Duration,
    /// When it is dead unless a frame comes.
    deadline: Instant,
    pings: tokio::time::Interval,
}

/// Connects, with the key added to the address. The connection counts as dead when no frame comes for
/// [`FeedConfig::silence_max`]; a ping of our own goes out three times in that span.
pub async fn connect(config: &FeedConfig) -> Result<Socket, SocketError> {
    crate::tls::install_provider();
    let FeedConfig { url, token, silence_max, step_max, .. } = config;
    let address = address(url, token);
    let limits =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
    let connector = config.tls.clone().map(Connector::Rustls);
    let attempt = connect_async_tls_with_config(address, Some(limits), true, connector);
    let (stream, _) = match timeout(*step_max, attempt).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return Err(explain(&error, token)),
        Err(_) => return Err(SocketError::Failed { why: "connecting took too long".to_owned() }),
    };
    let now = Instant::now();
    let ping_every = (*silence_max / 3).max(Duration::from_millis(1));
    Ok(Socket {
        stream,
        token: token.clone(),
        silence_max: *silence_max,
        step_max: *step_max,
        deadline: now + *silence_max,
        pings: interval_at(now + ping_every, ping_every),
    })
}

impl Socket {
    /// Asks for the trades of a symbol. There is no answer when it works.
    pub async fn subscribe(&mut self, symbol: &str) -> Result<(), SocketError> {
        let request = serde_json::json!({ "type": "subscribe", "symbol": symbol });
        self.send(Message::text(request.to_string())).await
    }

    /// Asks for no more trades of a symbol.
    pub async fn unsubscribe(&mut self, symbol: &str) -> Result<(), SocketError> {
        let request = serde_json::json!({ "type": "unsubscribe", "symbol": symbol });
        self.send(Message::text(request.to_string())).await
    }

    /// The next text. Sends the pings meanwhile; nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Utf8Bytes, SocketError> {
        loop {
            let message = tokio::select! {
                message = self.stream.next() => message,
                _ = self.pings.tick() => {
                    self.send(Message::Ping(Default::default())).await?;
                    continue;
                }
                () = sleep_until(self.deadline) => {
                    return Err(SocketError::Silent { silence_ms: self.silence_max.as_millis() });
                }
            };
            self.deadline = Instant::now() + self.silence_max;
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(_))) | None => return Err(SocketError::Closed),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(explain(&error, &self.token)),
            }
        }
    }

    /// Says goodbye; the other side need not answer.
    pub async fn close(mut self) {
        // The connection goes away in any case.
        let _ = timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), SocketError> {
        match timeout(self.step_max, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(explain(&error, &self.token)),
            Err(_) => Err(SocketError::Failed { why: "sending took too long".to_owned() }),
        }
    }
}

fn explain(error: &Error, token: &Secret) -> SocketError {
    match error {
        Error::Http(response) => match response.status() {
            http::StatusCode::UNAUTHORIZED | http::StatusCode::FORBIDDEN => {
                SocketError::Refused { status: response.status().as_u16() }
            }
            http::StatusCode::TOO_MANY_REQUESTS => {
                let header = response.headers().get(http::header::RETRY_AFTER);
                let retry_after_s = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                SocketError::TooMany { retry_after_s }
            }
            status => SocketError::Failed { why: format!("the feed answered with HTTP status {}", status.as_u16()) },
        },
        Error::Url(_) | Error::HttpFormat(_) => SocketError::BadUrl { why: token.scrub(&error.to_string()) },
        Error::ConnectionClosed | Error::AlreadyClosed => SocketError::Closed,
        other => SocketError::Failed { why: token.scrub(&other.to_string()) },
    }
}

/// The address with the key in its query. A request needs a path, which an address may lack (`wss://ws.finnhub.io`).
fn address(url: &str, token: &Secret) -> String {
    let (place, query) = url.split_once('?').map_or((url, None), |(place, query)| (place, Some(query)));
    let host = place.split_once("://").map_or(place, |(_, rest)| rest);
    let path = if host.contains('/') { "" } else { "/" };
    let before = query.map_or_else(String::new, |query| format!("{query}&"));
    format!("{place}{path}?{before}token={}", percent_encode(token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_a_path() {
        let of = |url| address(url, &Secret::new("a&b"));
        assert_eq!(of("wss://ws.finnhub.io"), "wss://ws.finnhub.io/?token=a%26b");
        assert_eq!(of("ws://127.0.0.1:1/"), "ws://127.0.0.1:1/?token=a%26b");
        assert_eq!(of("ws://127.0.0.1:1?x=1"), "ws://127.0.0.1:1/?x=1&token=a%26b");
        assert_eq!(of("ws://127.0.0.1:1/feed?x=1"), "ws://127.0.0.1:1/feed?x=1&token=a%26b");
    }
}
