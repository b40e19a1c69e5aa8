//! Connection after connection: what comes in, and when nothing could.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{info, warn};

use super::backoff::Backoff;
use super::connection::{Socket, SocketError, connect};
use crate::secret::Secret;

/// Where Finnhub's feed is.
pub const FINNHUB_URL: &str = "wss://ws.finnhub.io";

/// Which feed, and what to ask it for.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// The WebSocket's address without the key, such as `ws://127.0.0.1:8765/`.
    pub url: String,
    /// The key.
    pub token: Secret,
    /// All symbols to subscribe to, again after each reconnect.
    pub symbols: Vec<String>,
    /// A connection on which no frame comes for so long is dead.
    pub silence_max: Duration,
    /// The shortest pause before a new attempt.
    pub pause_min: Duration,
    /// The longest one.
    pub pause_max: Duration,
    /// The shortest pause after the feed has asked for one (HTTP status 429).
    pub pause_too_many: Duration,
    /// Time to connect, and for one message to be sent.
    pub step_max: Duration,
    /// Whom a `wss` address is trusted by; without it, the authorities that browsers know.
    pub tls: Option<Arc<ClientConfig>>,
}

impl FeedConfig {
    /// The usual times: dead after 150 s, since the feed itself pings each minute; pauses of 1 to 60 s, and a minute at
    /// least where the feed asks for one.
    pub fn new(url: String, token: Secret, symbols: Vec<String>) -> Self {
        Self {
            url,
            token,
            symbols,
            silence_max: Duration::from_secs(150),
            pause_min: Duration::from_secs(1),
            pause_max: Duration::from_secs(60),
            pause_too_many: Duration::from_secs(60),
            step_max: Duration::from_secs(15),
            tls: None,
        }
    }
}

/// What the feed tells.
#[derive(Debug, PartialEq, Eq)]
pub enum FeedEvent {
    /// Connected, and all symbols asked for.
    Connected,
    /// A text from the feed.
    Text {
        /// As it came.
        text: Utf8Bytes,
        /// When it came.
        at: Instant,
    },
    /// The connection is gone, or none could be made; another attempt will follow.
    Lost {
        /// What happened, without the key.
        cause: String,
    },
}

/// Keeps connected until told to stop (`true`, or the sender is gone), or until nobody receives any more. Waits while
/// the channel is full. An error means that trying again cannot help.
pub async fn run(
    config: FeedConfig,
    events: mpsc::Sender<FeedEvent>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), SocketError> {
    let mut backoff = Backoff::new(config.pause_min, config.pause_max, config.pause_too_many);
    loop {
        let mut socket = None;
        let error = tokio::select! {
            error = one_connection(&config, &mut socket, &events, &mut backoff) => error,
            () = ended(&mut stop, &events) => None,
        };
        let Some(error) = error else {
            if let Some(socket) = socket {
                socket.close().await;
            }
            return Ok(());
        };
        let Some(pause) = backoff.pause(&error) else { return Err(error) };
        let pause_ms = pause.as_millis() as u64;
        warn!(feed = config.url, cause = %error, pause_ms, "feed lost, another attempt follows");
        if events.send(FeedEvent::Lost { cause: error.to_string() }).await.is_err() {
            return Ok(());
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = ended(&mut stop, &events) => return Ok(()),
        }
    }
}

async fn ended(stop: &mut watch::Receiver<bool>, events: &mpsc::Sender<FeedEvent>) {
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = events.closed() => {}
    }
}

/// Ends with the error of the connection, or with nothing when nobody receives any more.
async fn one_connection(
    config: &FeedConfig,
    open: &mut Option<Socket>,
    events: &mpsc::Sender<FeedEvent>,
    backoff: &mut Backoff,
) -> Option<SocketError> {
    let mut opened = match connect(config).await {
        Ok(socket) => socket,
        Err(error) => return Some(error),
    };
    for symbol in &config.symbols {
        if let Err(error) = opened.subscribe(symbol).await {
            return Some(error);
        }
    }
    info!(symbols = config.symbols.len(), "feed connected");
    events.send(FeedEvent::Connected).await.ok()?;
    let socket = open.insert(opened);
    loop {
        // The place comes first: a stop while waiting for one must not lose a text.
        let place = events.reserve().await.ok()?;
        match socket.next().await {
            Ok(text) => {
                // A handshake alone proves little: a connection that is kicked at once must not be retried at once.
                backoff.reset();
                place.send(FeedEvent::Text { text, at: Instant::now() });
            }
            Err(error) => return Some(error),
        }
    }
}
