//! One WebSocket connection: subscriptions in, frames of trades out.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::market::Market;
use super::server::{Shared, now_ms, stopped};
use super::trade::SimTrade;

/// Time between two looks at the market.
const STEP: Duration = Duration::from_millis(50);
/// Trades in one frame at most.
const FRAME_TRADES_MAX: usize = 24;
/// A client that does not read for so long is dropped.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// With the fault `malformed`, each such frame holds these elements besides its trades.
const MALFORMED_FRAME: u64 = 5;
const MALFORMED: &str =
    r#"17,{"c":null,"p":1.5,"t":1575526691134,"v":1},{"p":"x","s":"AAPL","t":1575526691134,"v":1},"#;

#[derive(Deserialize)]
pub(super) struct TokenQuery {
    #[serde(default)]
    pub token: String,
}

#[derive(Deserialize)]
struct Request {
    r#type: String,
    symbol: String,
}

/// Takes a connection whose key is good; 401 for any other, 426 for one that is no WebSocket.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<TokenQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !shared.accepts(&query.token) {
        return (StatusCode::UNAUTHORIZED, "Invalid API key").into_response();
    }
    match upgrade {
        Ok(upgrade) => upgrade.max_message_size(64 * 1024).on_upgrade(move |socket| async move {
            let (number, go) = shared.enter(&query.token);
            let mut session = Session::new(&shared, socket);
            tokio::select! {
                () = session.run() => {}
                () = go.notified() => { shared.counters.kicks.fetch_add(1, Ordering::Relaxed); }
                () = stopped(shared.stopping.clone()) => {}
            }
            shared.leave(&query.token, number);
        }),
        Err(rejection) => rejection.into_response(),
    }
}

struct Session<'a> {
    shared: &'a Shared,
    socket: WebSocket,
    market: Market,
    subscriptions: usize,
    frames: u64,
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, socket: WebSocket) -> Self {
        let market = Market::new(shared.config.seed, Arc::clone(&shared.universe), now_ms());
        Self { shared, socket, market, subscriptions: 0, frames: 0 }
    }

    /// Serves until the client leaves, a fault strikes or the socket fails; then the socket is dropped.
    async fn run(&mut self) {
        let faults = self.shared.config.faults;
        let (cut, stall) = (after(faults.disconnect_every), after(faults.stall_after));
        tokio::pin!(cut, stall);
        let mut step = interval(STEP);
        step.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ping = interval(self.shared.config.ping_every);
        ping.tick().await;
        let mut trades = Vec::new();
        loop {
            let goes_on = tokio::select! {
                () = &mut cut => {
                    self.shared.counters.disconnects.fetch_add(1, Ordering::Relaxed);
                    false
                }
                // Half-open: nothing is read or written any more, but the socket is kept.
                () = &mut stall => pending().await,
                _ = ping.tick() => self.send(r#"{"type":"ping"}"#.to_owned()).await,
                _ = step.tick() => {
                    self.market.advance(now_ms(), &mut trades);
                    self.send_trades(&trades).await
                }
                received = self.socket.recv() => match received {
                    Some(Ok(Message::Text(text))) => self.request(text.as_str()).await,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                    Some(Ok(_)) => true,
                },
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Obeys a request. What is not understood, and an unknown symbol, get no answer, as on the real feed.
    async fn request(&mut self, text: &str) -> bool {
        let Ok(request) = serde_json::from_str::<Request>(text) else { return true };
        let Some(instrument) = self.shared.universe.find(&request.symbol) else { return true };
        match request.r#type.as_str() {
            "subscribe" if self.subscriptions >= self.shared.config.subscriptions_max => {
                return self.send(r#"{"msg":"Subscribing to too many symbols","type":"error"}"#.to_owned()).await;
            }
            "subscribe" => self.subscriptions += usize::from(self.market.listen(instrument)),
            "unsubscribe" => self.subscriptions -= usize::from(self.market.forget(instrument)),
            _ => {}
        }
        true
    }

    async fn send_trades(&mut self, trades: &[SimTrade]) -> bool {
        for frame in trades.chunks(FRAME_TRADES_MAX) {
            let text = self.frame(frame);
            if !self.send(text).await {
                return false;
            }
            self.shared.counters.trades.fetch_add(frame.len() as u64, Ordering::Relaxed);
        }
        true
    }

    fn frame(&mut self, trades: &[SimTrade]) -> String {
        let mut text = br#"{"data":["#.to_vec();
        self.frames += 1;
        if self.shared.config.faults.malformed && self.frames.is_multiple_of(MALFORMED_FRAME) {
            text.extend_from_slice(MALFORMED.as_bytes());
        }
        for (place, trade) in trades.iter().enumerate() {
            if place > 0 {
                text.push(b',');
            }
            if let Some(instrument) = self.shared.universe.instruments().get(trade.instrument as usize) {
                trade.write_json(instrument, &mut text);
            }
        }
        text.extend_from_slice(br#"],"type":"trade"}"#);
        String::from_utf8_lossy(&text).into_owned()
    }

    async fn send(&mut self, text: String) -> bool {
        matches!(timeout(SEND_TIMEOUT, self.socket.send(Message::Text(text.into()))).await, Ok(Ok(())))
    }
}

/// Waits so long, or for ever.
async fn after(span: Option<Duration>) {
    match span {
        Some(span) => sleep(span).await,
        None => pending().await,
    }
}
