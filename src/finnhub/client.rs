//! Feed client: reconnects for ever, and reports texts, signs of life and lost connections.

use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing::{info, warn};

use super::backoff::Backoff;
use super::config::FeedConfig;
use super::connection::{Received, Socket, connect};
use super::error::SocketError;

/// Feed event.
#[derive(Debug, PartialEq, Eq)]
pub enum FeedEvent {
    /// Connected, and all subscriptions are sent; the feed may not have read them yet.
    Connected,
    /// The connection has received something.
    Received(Received),
    /// The connection was lost, or could not be made; another attempt follows.
    Lost {
        /// What happened, without the API token.
        cause: String,
    },
}

/// Keeps the feed connected until `stop` is true or its sender is dropped, or until the receiver of `events` is
/// dropped. Waits while the channel is full. Returns an error only where a retry cannot help.
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
        warn!(feed = config.url, cause = %error, pause_ms, "feed lost; reconnecting");
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

/// Runs one connection until it fails; `None` when the receiver of `events` was dropped.
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
    let since = Instant::now();
    loop {
        // Reserve a slot before reading: a stop while waiting for one must not lose a text.
        let slot = events.reserve().await.ok()?;
        // A connection that is dropped right after its handshake and first pong must back off.
        match socket.next().await {
            Ok(received) => {
                let is_stable = match &received {
                    Received::Text { .. } => true,
                    Received::Alive { at, .. } => at.saturating_duration_since(since) >= config.liveness_timeout,
                };
                if is_stable {
                    backoff.reset();
                }
                slot.send(FeedEvent::Received(received));
            }
            Err(error) => return Some(error),
        }
    }
}
