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
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::clock::now_ms;
use super::market::Market;
use super::requests::{Request, TokenQuery};
use super::state::{Shared, stopped};
use super::trade::SimTrade;

/// Interval of sending.
const STEP: Duration = Duration::from_millis(50);
/// Maximum trades per frame.
const FRAME_TRADES_MAX: usize = 24;
/// Timeout for a client that does not read.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// The feed's own keep-alive, sent together with a WebSocket ping.
const PING: &str = r#"{"type":"ping"}"#;
/// With the fault `malformed`, every fifth frame also has these elements.
const MALFORMED_FRAME: u64 = 5;
const MALFORMED: &str =
    r#"17,{"c":null,"p":1.5,"t":1575526691134,"v":1},{"p":"x","s":"AAPL","t":1575526691134,"v":1},"#;

/// Accepts a WebSocket with a valid API token; 401 for any other token, 426 for other requests.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<TokenQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let attempt = shared.counters.attempts.fetch_add(1, Ordering::Relaxed);
    if let Some(answer) = reject(&shared, &query.token, attempt).await {
        return answer;
    }
    match upgrade {
        Ok(upgrade) => upgrade.max_message_size(64 * 1024).on_upgrade(move |socket| async move {
            let (number, end) = shared.enter(&query.token);
            if shared.config.faults.flap.includes(number) {
                shared.count_fault();
                return shared.leave(&query.token, number);
            }
            let mut session = Session::new(&shared, socket, number);
            tokio::select! {
                () = session.run() => {}
                () = end.notified() => { shared.counters.kicks.fetch_add(1, Ordering::Relaxed); }
                () = stopped(shared.stopping.clone()) => {}
            }
            shared.leave(&query.token, number);
        }),
        Err(rejection) => rejection.into_response(),
    }
}

/// The response to a rejected attempt. The fault `slow-accept` waits here.
async fn reject(shared: &Shared, token: &str, attempt: u64) -> Option<Response> {
    let faults = shared.config.faults;
    if let Some((span, times)) = faults.slow_accept
        && times.includes(attempt)
    {
        shared.count_fault();
        sleep(span).await;
    }
    if let Some((status, times)) = faults.refuse
        && times.includes(attempt)
    {
        shared.count_fault();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return Some((status, "rejected on request").into_response());
    }
    (!shared.accepts(token)).then(|| (StatusCode::UNAUTHORIZED, "Invalid API key").into_response())
}

struct Session<'a> {
    shared: &'a Shared,
    socket: WebSocket,
    market: Market,
    subscriptions: usize,
    frames: u64,
    /// Number of the connection.
    number: u64,
    only_pings: bool,
    /// Nothing is read any more, so the client's pings get no pongs.
    deaf: bool,
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, socket: WebSocket, number: u64) -> Self {
        let market = Market::new(shared.config.seed, Arc::clone(&shared.universe), now_ms());
        Self { shared, socket, market, subscriptions: 0, frames: 0, number, only_pings: false, deaf: false }
    }

    /// Serves until the client leaves, a fault ends the connection or the socket fails.
    async fn run(&mut self) {
        let faults = self.shared.config.faults;
        let (cut, stall) = (after(faults.disconnect_every.or(faults.reset_every)), after(faults.stall_after));
        let (close, only_pings) = (after(faults.close_every), after(faults.only_pings_after));
        let deaf = after(faults.deaf_after);
        tokio::pin!(cut, stall, close, only_pings, deaf);
        let mut step = interval(STEP);
        step.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ping = interval(self.shared.config.ping_every);
        ping.tick().await;
        let mut trades = Vec::new();
        loop {
            let is_open = tokio::select! {
                () = &mut cut => {
                    self.shared.counters.disconnects.fetch_add(1, Ordering::Relaxed);
                    self.shared.count_fault();
                    false
                }
                () = &mut close => {
                    self.shared.count_fault();
                    // The socket is dropped in any case.
                    let _ = self.socket.send(Message::Close(None)).await;
                    false
                }
                // Half-open: the socket is kept, but neither read nor written.
                () = &mut stall => {
                    self.shared.count_fault();
                    pending().await
                }
                () = &mut only_pings, if !self.only_pings => {
                    self.shared.count_fault();
                    self.only_pings = true;
                    true
                }
                () = &mut deaf, if !self.deaf => {
                    self.shared.count_fault();
                    (self.only_pings, self.deaf) = (true, true);
                    true
                }
                _ = ping.tick() => {
                    self.send(Message::Ping(Default::default())).await && self.send_text(PING.to_owned()).await
                }
                _ = step.tick() => {
                    self.market.advance(now_ms(), &mut trades);
                    self.only_pings || self.send_trades(&trades).await
                }
                received = self.socket.recv(), if !self.deaf => match received {
                    Some(Ok(Message::Text(text))) => self.request(text.as_str()).await,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                    Some(Ok(_)) => true,
                },
            };
            if !is_open {
                return;
            }
        }
    }

    /// Handles a request. As on the real feed, a malformed request or an unknown symbol gets no response.
    async fn request(&mut self, text: &str) -> bool {
        let Ok(request) = serde_json::from_str::<Request>(text) else { return true };
        let Some(instrument) = self.shared.universe.find(&request.symbol) else { return true };
        match request.r#type.as_str() {
            "subscribe" if self.subscriptions >= self.shared.config.subscriptions_max => {
                self.shared.counters.subscriptions_rejected.fetch_add(1, Ordering::Relaxed);
                return self.send_text(r#"{"msg":"Subscribing to too many symbols","type":"error"}"#.to_owned()).await;
            }
            "subscribe" => self.subscriptions += usize::from(self.market.subscribe(instrument)),
            "unsubscribe" => self.subscriptions -= usize::from(self.market.unsubscribe(instrument)),
            _ => {}
        }
        true
    }

    async fn send_trades(&mut self, trades: &[SimTrade]) -> bool {
        for frame in trades.chunks(FRAME_TRADES_MAX) {
            let text = self.frame(frame);
            for copy in 0..=self.shared.config.faults.copies {
                if copy > 0 {
                    self.shared.count_fault();
                }
                self.record(frame);
                if !self.send_text(text.clone()).await {
                    return false;
                }
                self.shared.counters.trades.fetch_add(frame.len() as u64, Ordering::Relaxed);
            }
        }
        true
    }

    /// Records the trades of a frame before it is sent.
    fn record(&self, trades: &[SimTrade]) {
        let Some(sent_trades) = &self.shared.config.sent_trades else { return };
        let texts: Vec<Vec<u8>> = trades
            .iter()
            .filter_map(|trade| {
                let mut text = Vec::new();
                let instrument = self.shared.universe.instruments().get(trade.instrument as usize)?;
                trade.write_json(instrument, &mut text);
                Some(text)
            })
            .collect();
        if let Err(error) = sent_trades.record(texts.iter().map(Vec::as_slice)) {
            tracing::error!(%error, "cannot write the file of sent trades");
        }
    }

    fn frame(&mut self, trades: &[SimTrade]) -> String {
        let faults = self.shared.config.faults;
        let mut text = br#"{"data":["#.to_vec();
        self.frames += 1;
        if faults.malformed && self.frames.is_multiple_of(MALFORMED_FRAME) {
            text.extend_from_slice(MALFORMED.as_bytes());
        }
        for (index, trade) in trades.iter().enumerate() {
            if index > 0 {
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
            self.shared.count_fault();
            text.resize(bytes.max(text.len()), b' ');
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    async fn send_text(&mut self, text: String) -> bool {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(SEND_TIMEOUT, self.socket.send(message)).await, Ok(Ok(())))
    }
}

/// Waits for a time span; for ever without one.
async fn after(span: Option<Duration>) {
    match span {
        Some(span) => sleep(span).await,
        None => pending().await,
    }
}
