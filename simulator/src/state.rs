//! State of a running simulator: its settings, its counters, and what the handlers share.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Uri;
use tokio::sync::{Notify, watch};

use super::clock::now_ms;
use super::fault::Faults;
use super::limit::{Allowance, RateLimit};
use super::rest_fault::{Outcome, RestFaults};
use super::sent_trades::SentTrades;
use super::universe::Universe;

/// Simulator settings; start from `SimulatorConfig::default()`. No `Debug`, since they hold an API token.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Address to listen on; port 0 chooses a free port.
    pub listen: SocketAddr,
    /// Seed of all trades.
    pub seed: u64,
    /// Number of instruments.
    pub symbols: usize,
    /// The accepted API token; `None` accepts any that is not empty.
    pub token: Option<String>,
    /// Maximum subscriptions per connection; one more is answered with an error.
    pub subscriptions_max: usize,
    /// REST calls per minute and API token.
    pub calls_per_minute_max: u32,
    /// Interval of `{"type":"ping"}`.
    pub ping_every: Duration,
    /// Faults of the feed.
    pub faults: Faults,
    /// Faults of the REST interface.
    pub rest_faults: RestFaults,
    /// Activity, as a multiple of the usual one.
    pub activity: u64,
    /// File that records all sent trades.
    pub sent_trades: Option<Arc<SentTrades>>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            symbols: Universe::NAMED,
            token: None,
            subscriptions_max: 50,
            calls_per_minute_max: 60,
            ping_every: Duration::from_secs(60),
            faults: Faults::default(),
            rest_faults: RestFaults::default(),
            activity: 1,
            sent_trades: None,
        }
    }
}

/// Counters of a simulator.
#[derive(Debug, Default)]
pub struct Counters {
    /// Accepted WebSocket connections.
    pub connections: AtomicU64,
    /// Connections cut by the fault `disconnect-every`.
    pub disconnects: AtomicU64,
    /// Connections dropped because another one used the same API token.
    pub kicks: AtomicU64,
    /// Trades sent, copies included.
    pub trades: AtomicU64,
    /// Attempts to connect.
    pub attempts: AtomicU64,
    /// Faults that occurred, of any kind.
    pub faults: AtomicU64,
    /// Subscriptions rejected because the connection had too many.
    pub subscriptions_rejected: AtomicU64,
    /// REST calls, by path and query.
    calls: Mutex<BTreeMap<String, u64>>,
    /// REST calls that failed on request.
    pub rest_faults: AtomicU64,
}

impl Counters {
    /// REST calls so far, by path and query.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts a call, and returns its outcome.
    pub(super) fn count_call(&self, uri: &Uri, faults: &RestFaults) -> Outcome {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = faults.outcome(calls.values().sum());
        *calls.entry(uri.to_string()).or_default() += 1;
        self.rest_faults.fetch_add(u64::from(outcome != Outcome::Success), Ordering::Relaxed);
        outcome
    }
}

/// State shared by the handlers.
pub(super) struct Shared {
    pub config: SimulatorConfig,
    pub universe: Arc<Universe>,
    pub counters: Arc<Counters>,
    pub stopping: watch::Receiver<bool>,
    limit: Mutex<RateLimit>,
    /// The connection of each API token: its number, and the signal that ends it.
    open: Mutex<HashMap<String, (u64, Arc<Notify>)>>,
}

impl Shared {
    /// State of a simulator with these settings.
    pub fn new(config: SimulatorConfig, counters: Arc<Counters>, stopping: watch::Receiver<bool>) -> Self {
        Self {
            universe: Arc::new(Universe::new(config.symbols).busier(config.activity)),
            counters,
            stopping,
            limit: Mutex::new(RateLimit::new(config.calls_per_minute_max)),
            open: Mutex::default(),
            config,
        }
    }

    /// Whether an API token is accepted.
    pub fn accepts(&self, token: &str) -> bool {
        !token.is_empty() && self.config.token.as_ref().is_none_or(|known| known == token)
    }

    /// Counts a fault.
    pub fn count_fault(&self) {
        self.counters.faults.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a REST call.
    pub fn call(&self, token: &str) -> Allowance {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner).call(token, now_ms())
    }

    /// Registers a new connection for its API token, and ends an older one.
    pub fn enter(&self, token: &str) -> (u64, Arc<Notify>) {
        let number = self.counters.connections.fetch_add(1, Ordering::Relaxed);
        let end = Arc::new(Notify::new());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, older)) = open.insert(token.to_owned(), (number, Arc::clone(&end))) {
            older.notify_one();
            if self.config.faults.kick_both {
                end.notify_one();
            }
        }
        (number, end)
    }

    /// Unregisters a connection.
    pub fn leave(&self, token: &str, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(token).is_some_and(|(newest, _)| *newest == number) {
            open.remove(token);
        }
    }
}

/// Waits until the simulator stops or is dropped.
pub(super) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}
