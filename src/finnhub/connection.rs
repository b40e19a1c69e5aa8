//! One connection to the feed.
//!
//! Errors of the WebSocket library may contain the URL, and the URL contains the API token: every such text is scrubbed
//! before it leaves this file.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use openssl::ssl::SslConnector;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, http};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::config::FeedConfig;
use super::error::SocketError;
use super::life::Life;
use crate::secret::{Secret, percent_encode};
use crate::tls;

/// Maximum message length in bytes; a longer message ends the connection.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A TCP socket, or a TLS session on one.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

type Stream = WebSocketStream<Box<dyn Transport>>;

/// An event of a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A text.
    Text {
        /// The text, unchanged.
        text: Utf8Bytes,
        /// Time of arrival.
        at: Instant,
    },
    /// A sign of life, after all texts that arrived before it: the feed has sent nothing up to `as_of` that is not
    /// among them. The first one of a connection follows its subscriptions.
    Alive {
        /// The time that it proves.
        as_of: Instant,
        /// Time of arrival.
        at: Instant,
    },
}

/// An open connection.
pub struct Socket {
    stream: Stream,
    token: Secret,
    liveness_timeout: Duration,
    step_max: Duration,
    life: Life,
    /// What follows the text that was returned last: the sign of life that it was, or the end.
    after_text: Option<Result<Received, SocketError>>,
}

/// Connects, with the API token added to the URL. The connection is dead after [`FeedConfig::liveness_timeout`] without
/// a sign of life.
pub async fn connect(config: &FeedConfig) -> Result<Socket, SocketError> {
    let FeedConfig { url, token, liveness_timeout, step_max, .. } = config;
    let address = address(url, token);
    let stream = match timeout(*step_max, open(&address, config.tls.as_ref())).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(explain(&error, token)),
        Err(_) => return Err(SocketError::Failed { why: "timeout while connecting".to_owned() }),
    };
    Ok(Socket {
        stream,
        token: token.clone(),
        liveness_timeout: *liveness_timeout,
        step_max: *step_max,
        life: Life::new(*liveness_timeout, Instant::now()),
        after_text: None,
    })
}

impl Socket {
    /// Subscribes to a symbol. The feed answers only when that fails.
    pub async fn subscribe(&mut self, symbol: &str) -> Result<(), SocketError> {
        let request = serde_json::json!({ "type": "subscribe", "symbol": symbol });
        self.send(Message::text(request.to_string())).await
    }

    /// Unsubscribes from a symbol.
    pub async fn unsubscribe(&mut self, symbol: &str) -> Result<(), SocketError> {
        let request = serde_json::json!({ "type": "unsubscribe", "symbol": symbol });
        self.send(Message::text(request.to_string())).await
    }

    /// The next text or sign of life. Sends pings while it waits, the first one at once; cancel safe between messages.
    pub async fn next(&mut self) -> Result<Received, SocketError> {
        if let Some(next) = self.after_text.take() {
            return next;
        }
        loop {
            self.life.look(Instant::now());
            let message = tokio::select! {
                // In this order: what has arrived is read before the connection is given up, and a busy feed does not
                // delay pings.
                biased;
                () = sleep_until(self.life.ping_due().into()) => {
                    self.ping().await?;
                    continue;
                }
                message = self.stream.next() => message,
                () = sleep_until(self.life.dead_at().into()) => return Err(self.silent()),
            };
            let at = Instant::now();
            match message {
                Some(Ok(Message::Text(text))) => {
                    self.after_text = match self.life.text(text.as_str(), at) {
                        Some(as_of) => Some(Ok(Received::Alive { as_of, at })),
                        None => (at >= self.life.dead_at()).then(|| Err(self.silent())),
                    };
                    return Ok(Received::Text { text, at });
                }
                Some(Ok(Message::Pong(payload))) => {
                    if let Some(as_of) = self.life.pong(&payload, at) {
                        return Ok(Received::Alive { as_of, at });
                    }
                }
                Some(Ok(Message::Close(_))) | None => return Err(SocketError::Closed),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(explain(&error, &self.token)),
            }
            if at >= self.life.dead_at() {
                return Err(self.silent());
            }
        }
    }

    async fn ping(&mut self) -> Result<(), SocketError> {
        let payload = self.life.ping(Instant::now());
        // A connection that takes no ping within the liveness timeout is dead.
        let limit = self.step_max.min(self.liveness_timeout);
        self.send_within(Message::Ping(payload.to_vec().into()), limit).await
    }

    fn silent(&self) -> SocketError {
        SocketError::Silent { timeout_ms: self.liveness_timeout.as_millis() }
    }

    /// Closes the connection without waiting long for the other side.
    pub async fn close(mut self) {
        // The connection is dropped in any case.
        let _ = timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), SocketError> {
        self.send_within(message, self.step_max).await
    }

    async fn send_within(&mut self, message: Message, limit: Duration) -> Result<(), SocketError> {
        match timeout(limit, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(explain(&error, &self.token)),
            Err(_) => Err(SocketError::Failed { why: "timeout while sending".to_owned() }),
        }
    }
}

/// Opens a connection to an address, with TLS where its scheme asks for it.
async fn open(address: &str, connector: Option<&SslConnector>) -> Result<Stream, Error> {
    let request = address.into_client_request()?;
    let host = request.uri().host().ok_or(Error::Url(UrlError::NoHostName))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let (is_tls, port) = match request.uri().scheme_str() {
        Some("wss") => (true, 443),
        Some("ws") => (false, 80),
        _ => return Err(Error::Url(UrlError::UnsupportedUrlScheme)),
    };
    let stream = TcpStream::connect((host, request.uri().port_u16().unwrap_or(port))).await?;
    stream.set_nodelay(true)?;
    let stream: Box<dyn Transport> = match (is_tls, connector) {
        (false, _) => Box::new(stream),
        (true, Some(connector)) => Box::new(tls::connect(connector, host, stream).await?),
        (true, None) => Box::new(tls::connect(&tls::trusting_system()?.build(), host, stream).await?),
    };
    let limits =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
    Ok(client_async_with_config(request, stream, Some(limits)).await?.0)
}

fn explain(error: &Error, token: &Secret) -> SocketError {
    match error {
        Error::Http(response) => match response.status() {
            http::StatusCode::UNAUTHORIZED | http::StatusCode::FORBIDDEN => {
                SocketError::Unauthorized { status: response.status().as_u16() }
            }
            http::StatusCode::TOO_MANY_REQUESTS => {
                let header = response.headers().get(http::header::RETRY_AFTER);
                let retry_after_s = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                SocketError::TooMany { retry_after_s }
            }
            status => SocketError::Failed { why: format!("unexpected HTTP status {}", status.as_u16()) },
        },
        Error::Url(_) | Error::HttpFormat(_) => SocketError::BadUrl { why: token.scrub(&error.to_string()) },
        Error::ConnectionClosed | Error::AlreadyClosed => SocketError::Closed,
        other => SocketError::Failed { why: token.scrub(&other.to_string()) },
    }
}

/// The URL with the API token in its query, and with a path, which a request needs (`wss://ws.finnhub.io` has none).
fn address(url: &str, token: &Secret) -> String {
    let (place, query) = url.split_once('?').map_or((url, None), |(place, query)| (place, Some(query)));
    let host = place.split_once("://").map_or(place, |(_, rest)| rest);
    let path = if host.contains('/') { "" } else { "/" };
    let head = query.map_or_else(String::new, |query| format!("{query}&"));
    format!("{place}{path}?{head}token={}", percent_encode(token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_url_has_a_path() {
        let of = |url| address(url, &Secret::new("a&b"));
        assert_eq!(of("wss://ws.finnhub.io"), "wss://ws.finnhub.io/?token=a%26b");
        assert_eq!(of("ws://127.0.0.1:1/"), "ws://127.0.0.1:1/?token=a%26b");
        assert_eq!(of("ws://127.0.0.1:1?x=1"), "ws://127.0.0.1:1/?x=1&token=a%26b");
        assert_eq!(of("ws://127.0.0.1:1/feed?x=1"), "ws://127.0.0.1:1/feed?x=1&token=a%26b");
    }
}
