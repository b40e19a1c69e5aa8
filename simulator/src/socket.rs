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
    let attempt = shared.counters.attempts.fetch_add(1, Ordering::Relaxed);
    if let Some(answer) = refuse(&shared, &query.token, attempt).await {
        return answer;
    }
    match upgrade {
        Ok(upgrade) => upgrade.max_message_size(64 * 1024).on_upgrade(move |socket| async move {
            let (number, go) = shared.enter(&query.token);
            if shared.config.faults.flap.strikes(number) {
                shared.strike();
                return shared.leave(&query.token, number);
            }
            let mut session = Session::new(&shared, socket, number);
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

/// The answer to an attempt that does not come through. A slow one waits here.
async fn refuse(shared: &Shared, token: &str, attempt: u64) -> Option<Response> {
    let faults = shared.config.faults;
    if let Some((span, times)) = faults.slow_accept
        && times.strikes(attempt)
    {
        shared.strike();
        sleep(span).await;
    }
    if let Some((status, times)) = faults.refuse
        && times.strikes(attempt)
    {
        shared.strike();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return Some((status, "refused on request").into_response());
    }
    (!shared.accepts(token)).then(|| (StatusCode::UNAUTHORIZED, "Invalid API key").into_response())
}

struct Session<'a> {
    shared: &'a Shared,
    socket: WebSocket,
    market: Market,
    subscriptions: usize,
    frames: u64,
    /// Place among all connections.
    number: u64,
    only_pings: bool,
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, socket: WebSocket, number: u64) -> Self {
        let market = Market::new(shared.config.seed, Arc::clone(&shared.universe), now_ms());
        Self { shared, socket, market, subscriptions: 0, frames: 0, number, only_pings: false }
    }

    /// Serves until the client leaves, a fault strikes or the socket fails; then the socket is dropped.
    async fn run(&mut self) {
        let faults = self.shared.config.faults;
        let (cut, stall) = (after(faults.disconnect_every.or(faults.reset_every)), after(faults.stall_after));
        let (close, only_pings) = (after(faults.close_every), after(faults.only_pings_after));
        tokio::pin!(cut, stall, close, only_pings);
        let mut step = interval(STEP);
        step.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ping = interval(self.shared.config.ping_every);
        ping.tick().await;
        let mut trades = Vec::new();
        loop {
            let goes_on = tokio::select! {
                () = &mut cut => {
                    self.shared.counters.disconnects.fetch_add(1, Ordering::Relaxed);
                    self.shared.strike();
                    false
                }
                () = &mut close => {
                    self.shared.strike();
                    // Then the socket is dropped: whether the client has seen the close is its own matter.
                    let _ = self.socket.send(Message::Close(None)).await;
                    false
                }
                // Half-open: nothing is read or written any more, but the socket is kept.
                () = &mut stall => {
                    self.shared.strike();
                    pending().await
                }
                () = &mut only_pings, if !self.only_pings => {
                    self.shared.strike();
                    self.only_pings = true;
                    true
                }
                _ = ping.tick() => self.send(r#"{"type":"ping"}"#.to_owned()).await,
                _ = step.tick() => {
                    self.market.advance(now_ms(), &mut trades);
                    self.only_pings || self.send_trades(&trades).await
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
                self.shared.counters.subscriptions_refused.fetch_add(1, Ordering::Relaxed);
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
            for copy in 0..=self.shared.config.faults.copies {
                if copy > 0 {
                    self.shared.strike();
                }
                self.note(frame);
                if !self.send(text.clone()).await {
                    return false;
                }
                self.shared.counters.trades.fetch_add(frame.len() as u64, Ordering::Relaxed);
            }
        }
        true
    }

    /// Writes down what is going to be sent.
    fn note(&self, trades: &[SimTrade]) {
        let Some(sent) = &self.shared.config.sent else { return };
        let texts: Vec<Vec<u8>> = trades
            .iter()
            .filter_map(|trade| {
                let mut text = Vec::new();
                let instrument = self.shared.universe.instruments().get(trade.instrument as usize)?;
                trade.write_json(instrument, &mut text);
                Some(text)
            })
            .collect();
        if let Err(error) = sent.note(texts.iter().map(Vec::as_slice)) {
            tracing::error!(%error, "trades that are sent cannot be written down");
        }
    }

    fn frame(&mut self, trades: &[SimTrade]) -> String {
        let faults = self.shared.config.faults;
        let mut text = br#"{"data":["#.to_vec();
        self.frames += 1;
        if faults.malformed && self.frames.is_multiple_of(MALFORMED_FRAME) {
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
        if let Some(bytes) = faults.frame_bytes
            && self.number == 0
            && self.frames == 1
        {
            self.shared.strike();
            text.resize(bytes.max(text.len()), b' ');
        }
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
